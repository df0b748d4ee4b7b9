/** Gates may be written in either style, as options and as properties; wrong ones do not compile. */
import { type Broker, type Client, createBroker, type Hooks, type Message, type Subscription } from '../../lib/index.js'
import { expectType } from './expect.js'

declare const broker: Broker

// Verdicts returned, at once or later.
await createBroker({
  preConnect: (client, packet) => packet.clientId !== '' && client.version !== 3,
  authenticate: async (_client, username, password) => username === 'alice' && password?.toString() === 'x',
  authorizePublish: (client, packet) => client === null || packet.topic.startsWith(client.id),
  authorizeSubscribe: async (_client, subscription) => ({ ...subscription, qos: 0 }),
  authorizeForward: (_client, packet) => (packet.retain ? null : packet),
  published: async packet => expectType<Message>(packet),
})

// Refusals with a reason.
broker.preConnect = () => ({ reasonCode: 0x9d, serverReference: 'other.example:1883' })
broker.authenticate = () => ({ reasonCode: 0x8a, returnCode: 5, reasonString: 'not today' })
broker.authorizePublish = () => 0x97
broker.authorizeSubscribe = () => 0x97

// Packets changed in place, or replaced.
broker.authorizePublish = (_client, packet) => {
  packet.payload = Buffer.from(packet.payload.toString().toUpperCase())
}
broker.authorizePublish = (_client, packet) => ({ ...packet, topic: 'elsewhere' })

// Callbacks, as Aedes has them.
broker.preConnect = (_client, _packet, callback) => callback(null, true)
broker.authenticate = () => ({ accept: true, limits: { messagesPerSecond: 10, bytesPerSecond: 100_000 } })
broker.authenticate = client => {
  client.limits = { maxSubscriptions: 5, maximumQoS: 1, retainAvailable: false, maxPacketSize: 1000 }
  return true
}
broker.authenticate = (_client, _username, _password, callback) => {
  callback(Object.assign(new Error('who?'), { returnCode: 4 }), false)
}
broker.authorizePublish = (_client, _packet, callback) => callback(new Error('no'))
broker.authorizeSubscribe = (_client, subscription, callback) => callback(null, subscription)
broker.published = (_packet, client, callback) => {
  expectType<Client | null>(client)
  callback()
}

// Enhanced authentication, step by step.
broker.authenticateExtended = (_client, { method, data, step }) => {
  expectType<string>(method)
  expectType<Buffer | undefined>(data)
  return step === 'connect' ? { result: 'continue', data: Buffer.from('challenge') } : { result: 'success' }
}

// A set of hooks kept elsewhere.
expectType<Hooks>({ authenticate: () => true })
expectType<Subscription>({ topic: 'a', qos: 1, nl: true })

// @ts-expect-error limits belong to a client that is accepted
broker.authenticate = () => ({ limits: { messagesPerSecond: 10 } })
// @ts-expect-error a limit has the name of its option
broker.authenticate = () => ({ accept: true, limits: { maxQoS: 1 } })
// @ts-expect-error a client is accepted or refused
broker.authenticate = () => ({ accept: true, limits: {}, reasonCode: 0x87 })
// @ts-expect-error preConnect gives no limits
broker.preConnect = () => ({ accept: true, limits: {} })
// @ts-expect-error a verdict is no string
broker.authenticate = () => 'yes'
// @ts-expect-error forwarding is decided at once, not by a promise
broker.authorizeForward = async (_client, packet) => packet
// @ts-expect-error a granted QoS is 0, 1 or 2
broker.authorizeSubscribe = (_client, subscription) => ({ ...subscription, qos: 128 })
// @ts-expect-error an extended authentication has a result
broker.authenticateExtended = () => ({ data: Buffer.alloc(0) })
// @ts-expect-error there is no such gate
await createBroker({ authorizeEverything: () => true })
