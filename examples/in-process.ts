/**
 * A broker and a client in one process, without a socket: for the tests of an application that speaks MQTT.
 *
 *   npm run build && node dist/examples/in-process.js
 */
import { once } from 'node:events'
import { createBroker } from 'anax'
import { duplexPair } from 'anax/testing'
import { type IClientOptions, MqttClient } from 'mqtt'

const broker = await createBroker()

/** An MQTT.js client at the other end of a pair of streams. */
function connect(options: IClientOptions): MqttClient {
  return new MqttClient(() => {
    const [clientEnd, brokerEnd] = duplexPair()
    broker.handle(brokerEnd)
    return clientEnd
  }, options)
}

const client = connect({ clientId: 'inside', protocolVersion: 5, reconnectPeriod: 0 })
client.on('message', (topic, payload) => console.log(`Received ${payload} on ${topic}`))
await client.subscribeAsync('greetings', { qos: 1 })

const acknowledged = once(broker, 'ack')
await broker.publish({ topic: 'greetings', payload: 'hello', qos: 1 })
await acknowledged

await client.endAsync()
await broker.close()
console.log('Done')
