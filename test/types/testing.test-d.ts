/** The types of the test kit and the client: a client of MQTT.js has its own type, and wrong options do not compile. */
import { MqttClient } from 'mqtt'
import { connect, duplexPair, type MqttConnection, type ReceivedMessage } from '../../lib/client/index.js'
import {
  FakeClock,
  type Link,
  type RecordedMessage,
  startTestBroker,
  type TestBroker,
} from '../../lib/testing/index.js'
import { expectType } from './expect.js'

// The kit.
await using t = await startTestBroker({ clock: new FakeClock(), authenticate: () => true })
expectType<TestBroker>(t)
const mqttJs = await t.connect(MqttClient, { clientId: 'a', protocolVersion: 5 })
expectType<MqttClient>(mqttJs)
expectType<Link>(t.link(mqttJs))
expectType<RecordedMessage>(await t.waitFor('a/+', m => m.text === 'ON', { timeoutMs: 10 }))
expectType<RecordedMessage | undefined>(t.messages.last('a'))
expectType<string[]>(t.messages.map(({ topic }) => topic))
t.faults.hook('authenticate', { delayMs: 10 })
// @ts-expect-error there is no such option of MQTT.js
await t.connect(MqttClient, { clientName: 'a' })
// @ts-expect-error there is no such option of a broker
await startTestBroker({ port: 1883 })
// @ts-expect-error there is no such hook
t.faults.hook('authorize')
// @ts-expect-error there is no such direction
t.link(mqttJs).freeze('upwards')

// The client.
const client = await connect(duplexPair()[0], { acknowledge: 'manual', will: { topic: 'a' } })
expectType<MqttConnection>(client)
expectType<number>(await client.publish('a', 'b', { qos: 1 }))
expectType<number[]>(await client.subscribe(['a', 'b'], { qos: 2 }, message => expectType<ReceivedMessage>(message)))
for await (const message of client) expectType<{ a: number }>(message.json<{ a: number }>())
// @ts-expect-error there is no QoS 3
await client.publish('a', 'b', { qos: 3 })
// @ts-expect-error a will has a topic
await connect(duplexPair()[0], { will: { payload: 'a' } })
