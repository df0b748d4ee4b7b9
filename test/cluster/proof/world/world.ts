/**
 * A cluster as the proof rows see it: nodes that can be reached, killed and started again, whatever they run on, and what
 * they have told. Contracts, and what all rows wait with.
 */
import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { SpecClient } from '../../../support/clients/spec-client.js'

/** An event of a node's broker, its arguments as text. */
export interface NodeEvent {
  readonly node: number
  readonly name: string
  readonly args: readonly string[]
  readonly at: number
}

export interface World {
  readonly leaseMs: number
  /** The events of the brokers, in order of arrival. */
  readonly events: readonly NodeEvent[]
  readonly ports: readonly number[]
  /** Ends a node as `kill -9` does. */
  kill(node: number): Promise<void>
  /** Starts a node that was killed; resolves when clients can connect. */
  restart(node: number): Promise<void>
  /** How many clients a node owns. */
  claims(node: number): Promise<number>
  close(): Promise<void>
}

/** Connects a client that does not reconnect by itself. */
export async function client(
  world: World,
  node: number,
  clientId: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const made = connect(`mqtt://127.0.0.1:${world.ports[node]}`, {
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    connectTimeout: 60_000,
    ...options,
  })
  await new Promise<void>((resolve, reject) => {
    made.once('connect', () => resolve())
    made.once('error', reject)
    made.once('close', () => reject(new Error(`${clientId} was not accepted`)))
  })
  made.on('error', () => {})
  return made
}

/** The same, with a stored session. */
export function storedClient(
  world: World,
  node: number,
  clientId: string,
  options: IClientOptions = {},
): Promise<MqttClient> {
  return client(world, node, clientId, { clean: false, properties: { sessionExpiryInterval: 3600 }, ...options })
}

/** A client that sends and receives packets, over TCP. */
export async function packets(world: World, node: number): Promise<SpecClient & { stream: Socket }> {
  const socket = connectSocket(world.ports[node]!, '127.0.0.1')
  await once(socket, 'connect')
  return new SpecClient({ handle: () => undefined as never }, 5, socket) as SpecClient & { stream: Socket }
}

/** The payloads that a client gets from now on, as texts. */
export function texts(of: MqttClient): string[] {
  const list: string[] = []
  of.on('message', (_topic, payload) => list.push(payload.toString()))
  return list
}

/** Publishes in this order, with at most `window` unacknowledged. */
export async function publishAll(
  publisher: MqttClient,
  topic: string,
  payloads: readonly string[],
  qos: 0 | 1 | 2 = 1,
  window = 100,
): Promise<void> {
  const underWay = new Set<Promise<unknown>>()
  for (const payload of payloads) {
    const one = publisher.publishAsync(topic, payload, { qos }).finally(() => underWay.delete(one))
    underWay.add(one)
    if (underWay.size >= window) await Promise.race(underWay)
  }
  await Promise.all(underWay)
}

/** Numbers as texts. */
export function numbers(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, i) => String(from + i))
}

/** Waits until the condition holds. */
export async function until(isSo: () => boolean, what: string | (() => string), patienceMs = 60_000): Promise<void> {
  const end = performance.now() + patienceMs
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`did not come: ${typeof what === 'string' ? what : what()}`)
    await new Promise(resolve => setTimeout(resolve, 2))
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

export async function timed(operation: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await operation()
  return Math.round(performance.now() - began)
}

/** How often each one occurs. */
export function tally(list: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const each of list) counts.set(each, (counts.get(each) ?? 0) + 1)
  return counts
}
