/** The broker's methods, options and events: right uses compile, wrong ones do not. */
import { createServer as createTcpServer } from 'node:net'
import type { Duplex } from 'node:stream'
import fastify from 'fastify'
import { pino } from 'pino'
import { AnaxError, type Broker, type Client, createBroker, type ErrorCode, type Message } from '../../lib/index.js'
import { attachWebSocket, createServer } from '../../lib/server/server.js'
import { duplexPair, FakeClock } from '../../lib/testing/index.js'
import { expectType, type Same } from './expect.js'

const broker: Broker = await createBroker()

// Handed to servers as it is.
createTcpServer(broker.handle)
expectType<Client>(broker.handle(duplexPair()[0]))

// Callbacks or promises; a callback leaves no promise to forget.
expectType<Promise<void>>(broker.publish({ topic: 'a', payload: 'text' }))
expectType<Same<void, ReturnType<typeof publishWithCallback>>>(true)
function publishWithCallback() {
  return broker.publish({ topic: 'a', payload: Buffer.alloc(1), qos: 2, retain: true }, error => {
    expectType<Error | null | undefined>(error)
  })
}
await broker.subscribe('a/#', (packet, done) => {
  expectType<Message>(packet)
  done()
})
broker.unsubscribe(
  'a/#',
  () => {},
  () => {},
)
broker.close(() => {})

// Events carry what they say.
broker.on('client', client => expectType<Client>(client))
broker.on('clientError', (client, error) => {
  expectType<string>(client.id)
  expectType<ErrorCode>(error.code)
})
broker.on('publish', (packet, client) => {
  expectType<Buffer>(packet.payload)
  expectType<Client | null>(client)
})
broker.on('drop', ({ clientId, reason }) => {
  expectType<string>(clientId)
  if (reason === 'queue-full') return
})
broker.once('closed', () => {})
expectType<number>(broker.drops['queue-full'])
// @ts-expect-error there is no such reason
broker.drops.lost
// @ts-expect-error counters are read, not set
broker.drops.expired = 0

// Clients.
const client = broker.clients.someone
if (client !== undefined) {
  expectType<Promise<void>>(client.publish({ topic: 'only/you' }))
  await client.subscribe({ topic: 'a', qos: 1 })
  await client.unsubscribe(['a', { topic: 'b' }])
  await client.disconnect({ reasonCode: 0x9c, serverReference: 'other.example' })
  expectType<Duplex>(client.conn)
  expectType<number>(client.drops)
  // @ts-expect-error likewise
  client.drops = 0
}

// Servers.
const server = await createServer(broker, [
  { transport: 'tcp' },
  { transport: 'wss', port: 0, tls: { key: '', cert: '' } },
])
expectType<string | undefined>(server.addresses[0]?.url)
attachWebSocket(broker, createHttpServer(), { path: '/mqtt' }).close()
declare function createHttpServer(): import('node:http').Server

// Options.
await createBroker({ clock: new FakeClock(), maxQueuedMessages: 10, queueOverflow: 'drop-oldest' })
await createBroker({ maxConnectSize: 64 * 1024, maxSubscriptions: Infinity })
// @ts-expect-error a limit for one client is what a hook can have, not this option
await createBroker({ maxSubscriptions: () => 10 })

// Errors.
expectType<number>(new AnaxError('ANAX_ERR_CLOSED').reasonCode)

// @ts-expect-error there is no such event
broker.on('clientGone', () => {})
// Loggers of pino and Fastify are taken as they are; one without children is not.
await createBroker({ logger: pino() })
await createBroker({ logger: fastify().log })
// @ts-expect-error no child
await createBroker({ logger: console })

// @ts-expect-error there is no such option
await createBroker({ maxQueueLength: 10 })
// @ts-expect-error there is no such policy
await createBroker({ queueOverflow: 'drop' })
// @ts-expect-error a topic is missing
await broker.publish({ payload: 'text' })
// @ts-expect-error TLS needs a certificate
await createServer(broker, { transport: 'tls', port: 8883 })
// @ts-expect-error read-only
broker.id = 'other'
// @ts-expect-error there is no such code
new AnaxError('ANAX_ERR_OTHER')
