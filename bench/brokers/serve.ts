/**
 * The server around a broker under test that runs in Node: one listener on an ephemeral port, the same for all of them.
 * Reports the port to the parent, and answers its requests about the process.
 */
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws'
import type { Profile } from '../profile/self-times.js'
import type { BrokerSetup, MemoryUse, Store } from '../types.js'
import type { Profiler } from './profiler.js'

/** How to start a broker; the only argument of the broker's process. */
export interface HostArguments extends BrokerSetup {
  store: Store
  metrics: boolean
  /** For files of the store, if it has any. */
  folder: string
  keyFile: string
  certificateFile: string
}

/** The requests of the parent, and their answers. */
export interface HostAnswers {
  memory: MemoryUse
  startProfile: 'started'
  stopProfile: Profile
}

/** From a broker's process to its parent: the port first, then one answer for each request. */
export type HostMessage = { port: number } | { answer: HostAnswers[keyof HostAnswers] }

const BACKLOG = 16_384

export function hostArguments(): HostArguments {
  return JSON.parse(process.argv[2]!)
}

function webSocketServer(onSocket: (socket: WebSocket) => void): Server {
  const server = createHttpServer({ noDelay: true })
  new WebSocketServer({ server, handleProtocols: () => 'mqtt' }).on('connection', onSocket)
  return server
}

function serverFor(setup: HostArguments, onStream: (stream: Duplex) => void, onSocket: (socket: WebSocket) => void) {
  switch (setup.transport) {
    case 'tcp':
      return createServer({ noDelay: true }, onStream)
    case 'tls': {
      const pair = { key: readFileSync(setup.keyFile), cert: readFileSync(setup.certificateFile) }
      return createTlsServer({ ...pair, noDelay: true }, onStream)
    }
    case 'ws':
      return webSocketServer(onSocket)
  }
}

function tell(message: HostMessage): void {
  process.send!(message)
}

function memory(): MemoryUse {
  for (let i = 0; i < 3; i++) globalThis.gc!()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { resident: rss, heap: heapUsed + external }
}

/**
 * How often V8 collects the whole heap depends on its size: 16 MB of objects, of 48 bytes with their places in the
 * array.
 */
const APPLICATION_OBJECTS = 350_000
let ofApplication: unknown

function answerParent(): void {
  let profiler: Profiler | undefined
  const answers: { [Request in keyof HostAnswers]: () => Promise<HostAnswers[Request]> } = {
    memory: async () => memory(),
    // loaded on demand: the inspector alone changes how often garbage is collected
    async startProfile() {
      const { Profiler } = await import('./profiler.js')
      profiler = new Profiler()
      await profiler.start()
      return 'started'
    },
    stopProfile: () => profiler!.stop(),
  }
  process.on('message', async (request: keyof HostAnswers) => tell({ answer: await answers[request]() }))
  process.on('disconnect', () => process.exit())
}

/** Starts listening; a WebSocket is passed as a stream, unless the broker handles it itself. */
export function serve(
  onStream: (stream: Duplex) => void,
  onSocket: (socket: WebSocket) => void = socket => onStream(createWebSocketStream(socket)),
): void {
  const setup = hostArguments()
  if (setup.heap === 'application') {
    ofApplication = Array.from({ length: APPLICATION_OBJECTS }, (_, id) => ({ id, value: ofApplication }))
  }
  const server = serverFor(setup, onStream, onSocket)
  server.listen({ port: 0, host: '0.0.0.0', backlog: BACKLOG }, () => {
    tell({ port: (server.address() as AddressInfo).port })
  })
  answerParent()
}
