/**
 * Clients that connect, and clients that connect and disconnect, with the command as broker: over TCP, and over TLS
 * with new or resumed sessions.
 */
import type { TLSSocket } from 'node:tls'
import { Client } from '../load/clients/client.js'
import { publishPacket } from '../load/clients/packets.js'
import { measureRounds } from '../load/rounds.js'
import { type LoadContext, plainSetup, type Sample, type Scenario, scenario } from '../types.js'
import { commandAndOthers } from './command.js'

/** How many connections are being opened at the same time. */
const AT_ONCE = 10
/** Connections before the measured ones. TLS needs fewer, because a handshake is mostly OpenSSL's work. */
const CLIENTS_BEFORE = 4000
const HANDSHAKES_BEFORE = 1000
/** The share of the handshakes that offer a session: a broker may be about to change the key of its tickets. */
const RESUMED_LEAST = 0.99

const clean = (index: number) => ({ clientId: `client-${index}`, version: 4, session: 'clean' }) as const

/** They stay connected, so that nothing else is measured. */
async function connecting(context: LoadContext): Promise<Sample> {
  return measureRounds(context, { atOnce: 1, before: CLIENTS_BEFORE }, async index => {
    await Client.open(context, clean(index))
  })
}

async function comingAndGoing(context: LoadContext): Promise<Sample> {
  return measureRounds(context, { atOnce: AT_ONCE, before: CLIENTS_BEFORE }, async index => {
    const client = await Client.open(context, clean(index))
    const topic = `bench/${index}`
    await client.subscribe([topic], 0)
    const delivered = new Promise<void>(resolve => {
      client.sink = { packet: () => resolve(), chunkEnd() {} }
    })
    client.write(publishPacket({ ...message, topic }))
    await delivered
    await client.leave()
  })
}

const message = {
  qos: 0,
  retain: 'live',
  version: 4,
  properties: Buffer.alloc(0),
  payload: Buffer.alloc(64, 'x'),
  packetId: 0,
} as const

async function handshakes(context: LoadContext, kind: 'anew' | 'resumed'): Promise<Sample> {
  const sessions: Buffer[] = []
  let offered = 0
  let resumed = 0
  const sample = await measureRounds(context, { atOnce: AT_ONCE, before: HANDSHAKES_BEFORE }, async (index, place) => {
    const session = kind === 'resumed' ? sessions[place] : undefined
    const client = await Client.open({ ...context, session }, clean(index), ({ socket }) => {
      socket.on('session', (next: Buffer) => {
        sessions[place] = next
      })
    })
    if (session !== undefined) offered++
    if ((client.socket as TLSSocket).isSessionReused()) resumed++
    await client.leave()
  })
  if (resumed < offered * RESUMED_LEAST) throw new Error(`resumed ${resumed} of ${offered} TLS sessions`)
  return sample
}

function row(name: string, title: string, run: Scenario['run'], more: Partial<Scenario> = {}): Scenario {
  return scenario({
    name: `command-${name}`,
    title,
    section: 'connecting',
    unit: 'connection',
    brokers: commandAndOthers,
    openFiles: 20_000,
    run,
    ...more,
  })
}

const tls: Partial<Scenario> = { setup: { ...plainSetup, transport: 'tls' } }

export const connectingScenarios: Scenario[] = [
  row('connect', 'CONNECT, one client after the other; they stay', connecting),
  row('churn', `CONNECT, SUBSCRIBE, a message to itself, DISCONNECT; ${AT_ONCE} clients at a time`, comingAndGoing),
  row('tls', `TLS handshake and CONNECT, ${AT_ONCE} at a time`, context => handshakes(context, 'anew'), tls),
  row('tls-resumed', `the same, the TLS session resumed`, context => handshakes(context, 'resumed'), tls),
]
