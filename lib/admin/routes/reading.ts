/**
 * The routes that read: numbers, sessions, subscriptions, queues, retained messages, configuration.
 * They change nothing.
 */
import type { Broker } from '../../../types/broker/broker.js'
import type { BrokerLimits, SessionInfo } from '../../../types/broker/inspection.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { ClientTraffic } from '../client-traffic.js'
import type { Exchange } from '../exchange.js'
import type { LogTail } from '../log-tail.js'
import { invalid, notFound } from '../problem.js'
import type { Recorder } from '../recorder.js'
import { messageJson, queuedJson } from './messages.js'

/** The parts that the routes use. */
export interface Parts {
  readonly broker: Broker
  readonly recorder: Recorder
  readonly traffic: ClientTraffic
  readonly options: BrokerOptions
  /** Undefined without the option `log`. */
  readonly log: LogTail | undefined
}

const MAX_ITEMS = 1000

/** Maximum number of clients in an answer of `top`. */
const MAX_TOP = 100

export async function sessions(parts: Parts, { query }: Exchange) {
  const { items, next } = await parts.broker.sessions({ ...paging(query), filter: filterOf(query) })
  return { items: items.map(session => withTraffic(parts, session)), next }
}

export async function session(parts: Parts, { id }: Exchange) {
  const found = await parts.broker.session(id)
  if (found === undefined) throw notFound('There is no such session')
  return withTraffic(parts, found)
}

/** The connected clients with the highest rates, queues or drops. */
export async function top(parts: Parts, { query }: Exchange) {
  const { broker } = parts
  const names = await topNames(parts, query.get('by'), Math.min(limitOf(query), MAX_TOP))
  const found = await Promise.all(names.map(name => broker.session(name)))
  return { items: found.filter(session => session !== undefined).map(session => withTraffic(parts, session)) }
}

export async function subscriptions({ broker }: Parts, { query }: Exchange) {
  const names = ['clientId', 'filter', 'topic'] as const
  const given = names.flatMap(name => (query.has(name) ? [[name, query.get(name)!]] : []))
  return broker.subscriptions({ ...paging(query), ...Object.fromEntries(given) })
}

export async function queue({ broker }: Parts, { id, query }: Exchange) {
  return first(broker.queued(id), limitOf(query), queuedJson)
}

export async function retained({ broker }: Parts, { query }: Exchange) {
  return first(broker.retained(query.get('filter') ?? '#'), limitOf(query), messageJson)
}

export async function dropping({ broker, recorder }: Parts, { query }: Exchange) {
  const clients = recorder.dropping(Math.min(limitOf(query), 100))
  const items = clients.map(async client => ({ ...client, session: await broker.session(client.clientId) }))
  return { items: await Promise.all(items) }
}

/** Whether clients would be served: the broker is open and not being drained, and its store or cluster answers. */
export async function readiness({ broker }: Parts) {
  if (!broker.ready) return false
  return broker.sessions({ limit: 1 }).then(
    () => true,
    () => false,
  )
}

/** The limits with their current use, and the options that are plain values. */
export function configuration({ broker, options }: Parts) {
  const { connections, sessions, retained, queued } = broker.stats()
  const used: Record<keyof BrokerLimits, number | undefined> = {
    maxConnections: connections.open,
    maxSessions: sessions.stored,
    maxTotalQueuedBytes: queued.bytes,
    maxRetainedMessages: retained.messages,
    maxRetainedBytes: retained.bytes,
    maxPacketSize: undefined,
    maxConnectSize: undefined,
  }
  const limits = Object.entries(broker.limits).map(([name, limit]) => {
    return { name, limit: Number.isFinite(limit) ? limit : undefined, used: used[name as keyof BrokerLimits] }
  })
  return { brokerId: broker.id, node: process.version, limits, options: plainOptions(options) }
}

/** The clients with the most waiting messages, the slowest first. */
export function slow({ broker }: Parts, { query }: Exchange) {
  return { items: broker.slowClients(limitOf(query)) }
}

/** @throws Problem */
async function topNames({ broker, traffic }: Parts, by: string | null, limit: number): Promise<string[]> {
  if (by === 'waiting') return broker.slowClients(limit).map(({ clientId }) => clientId)
  if (by !== 'received' && by !== 'sent' && by !== 'drops') throw invalid('by must be received, sent, waiting or drops')
  return (await traffic.top(by, limit)).map(({ id }) => id)
}

/** Adds the traffic of the client's connection to a session; unchanged if the client is not connected. */
function withTraffic({ broker, traffic }: Parts, session: SessionInfo) {
  const client = broker.clients[session.clientId]
  if (client === undefined) return session
  const { received, sent } = client.stats
  return { ...session, received, sent, ...traffic.ratesOf(client) }
}

/** Options that are plain values: no functions, no stores, no secrets. */
function plainOptions(options: BrokerOptions): Record<string, unknown> {
  const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value)
  return Object.fromEntries(
    Object.entries(options)
      .filter(([, value]) => isPlain(value))
      .map(([name, value]) => [name, value === Infinity ? 'Infinity' : value]),
  )
}

async function first<T, U>(source: AsyncIterable<T>, limit: number, toJson: (item: T) => U) {
  const items: U[] = []
  for await (const item of source) {
    if (items.length === limit) return { items, more: true }
    items.push(toJson(item))
  }
  return { items, more: false }
}

function paging(query: URLSearchParams) {
  return { after: query.get('after') ?? undefined, limit: limitOf(query) }
}

/** @throws Problem */
function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '100'
  const limit = /^\d+$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > MAX_ITEMS) throw invalid(`limit must be a whole number from 1 to ${MAX_ITEMS}`)
  return limit
}

function filterOf(query: URLSearchParams) {
  const names = ['prefix', 'username', 'address'] as const
  const texts = names.flatMap(name => (query.get(name) ? [[name, query.get(name)!]] : []))
  const connected = query.get('connected')
  if (connected !== null && connected !== 'true' && connected !== 'false') {
    throw invalid('connected must be true or false')
  }
  return { ...Object.fromEntries(texts), ...(connected !== null && { connected: connected === 'true' }) }
}
