/**
 * The attacked broker, in its own process. The parent passes options, and requests measurements. Must not know the
 * attacks.
 */
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Duplex, type DuplexOptions } from 'node:stream'
import tls from 'node:tls'
import { type BrokerOptions, createBroker } from '../../../lib/index.js'
import { createServer } from '../../../lib/server/server.js'
import { makeCertificate } from '../../support/tls/certificate.js'
import type { Measured, Ports } from './target.js'
import { TurnMeter } from './turn-meter.js'

/** The argument of the process. */
export interface Setup {
  options?: BrokerOptions | undefined
  /** Whether it listens for TLS as well. */
  hasTls?: boolean | undefined
}

/** Numbers that can be requested at any time. */
export interface Numbers {
  clients: number
  /** Stored sessions. */
  sessions: number
  /** Connections that ended in a handshake before MQTT. */
  handshakes: number
}

export type Request =
  | { name: 'start' | 'stop' | 'numbers' | 'sinks leave' }
  | { name: 'sinks'; count: number; connect: string; kind: 'reading' | 'frozen' }

const SAMPLE_MS = 50

const { options, hasTls = false } = JSON.parse(process.argv[2] ?? '{}') as Setup
const broker = await createBroker(options)
const certificate = hasTls ? await makeCertificate() : undefined
const server = await createServer(broker, [
  { transport: 'tcp', port: 0 },
  { transport: 'ws', port: 0 },
  ...(certificate === undefined
    ? []
    : [
        { transport: 'tls', port: 0, tls: certificate } as const,
        { transport: 'wss', port: 0, tls: certificate } as const,
      ]),
])
const meter = new TurnMeter()
const sinks: Duplex[] = []
let cpu = process.cpuUsage()
let rssBefore = 0
let heapBefore = 0
let rssPeak = 0
let sampling: NodeJS.Timeout | undefined

process.once('disconnect', () => process.exit())
process.on('message', async (request: Request) => {
  if (request.name === 'start') {
    heapBefore = await collectedBytes()
    rssBefore = process.memoryUsage.rss()
    rssPeak = rssBefore
    sampling = setInterval(samplePeak, SAMPLE_MS)
    cpu = process.cpuUsage()
    meter.start()
  } else if (request.name === 'sinks') {
    await addSinks(request.count, Buffer.from(request.connect, 'hex'), request.kind)
  } else if (request.name === 'sinks leave') {
    for (const stream of sinks.splice(0)) stream.destroy()
    while (broker.connectedClients > 0) await new Promise(resolve => setTimeout(resolve, 20))
  }
  process.send!(request.name === 'stop' ? await measured() : numbers())
})
process.send!({ ports: await ports() })

async function ports(): Promise<Ports> {
  const [tcp, ws, ofTls, wss] = server.addresses.map(({ port }) => port!)
  if (certificate === undefined) return { tcp: tcp!, ws: ws! }
  // as docs/embed/transports.md shows it
  const own = tls.createServer({ ...certificate, handshakeTimeout: 10_000 }, broker.handle)
  own.on('tlsClientError', (_error, socket) => socket.destroy())
  await once(own.listen(0, '127.0.0.1'), 'listening')
  return { tcp: tcp!, ws: ws!, tls: ofTls!, wss: wss!, nodeTls: (own.address() as AddressInfo).port }
}

function numbers(): Numbers {
  return {
    clients: broker.connectedClients,
    sessions: broker.stats().sessions.stored ?? 0,
    handshakes: server.refusals.handshake,
  }
}

async function measured(): Promise<Measured> {
  const { user, system } = process.cpuUsage(cpu)
  const turns = await meter.stop()
  clearInterval(sampling)
  samplePeak()
  const heap = await collectedBytes()
  const drops = Object.values(broker.drops).reduce((sum, count) => sum + count, 0)
  const mb = (bytes: number) => Math.round(bytes / 2 ** 20)
  return {
    ...turns,
    cpuMs: (user + system) / 1000,
    heapMb: mb(heap),
    keptRatio: heap / heapBefore,
    growthMb: mb(rssPeak - rssBefore),
    clients: broker.connectedClients,
    drops,
  }
}

/** Heap and buffers after garbage collections. Buffers are freed in the background, some time after a collection. */
async function collectedBytes(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function samplePeak(): void {
  rssPeak = Math.max(rssPeak, process.memoryUsage.rss())
}

/** Subscribers without sockets: a machine can run more of them. */
async function addSinks(count: number, connect: Buffer, kind: 'reading' | 'frozen'): Promise<void> {
  for (let i = 0; i < count; i++) {
    const write: DuplexOptions['write'] = kind === 'frozen' ? () => {} : (_chunk, _encoding, done) => done()
    const stream = new Duplex({ read() {}, write })
    sinks.push(stream)
    broker.handle(stream)
    const bytes = Buffer.from(connect)
    bytes.write(String(i).padStart(8, '0'), bytes.indexOf('########'))
    stream.push(bytes)
    // on a busy machine, clients behind very many others would exceed `connectTimeout`
    if (i % 500 === 499 || i === count - 1) await connected(i + 1)
  }
}

async function connected(count: number): Promise<void> {
  while (broker.connectedClients < count) await new Promise(resolve => setImmediate(resolve))
}
