/**
 * Who may connect, and what they may do: the hooks of the broker.
 *
 *   npm run build && node dist/examples/auth/hooks.js
 *   mosquitto_sub -p 1883 -u alice -P wonderland -t 'home/#' -v
 *   mosquitto_pub -p 1883 -u sensor -P 12345 -t home/sensor/temperature -m 21
 */
import { createBroker, ReasonCode } from 'anax'
import { createServer } from 'anax/server'

interface User {
  password: string
  mayPublish: RegExp
  maySubscribe: RegExp
}

const users = new Map<string, User>([
  ['alice', { password: 'wonderland', mayPublish: /^home\//, maySubscribe: /^home\// }],
  ['sensor', { password: '12345', mayPublish: /^home\/sensor\//, maySubscribe: /^home\/sensor\/settings$/ }],
])

const broker = await createBroker({
  authenticate(client, username, password) {
    const user = users.get(username ?? '')
    if (user === undefined || user.password !== password?.toString())
      return { reasonCode: ReasonCode.BadUserNameOrPassword }
    client.context = user
    return true
  },

  authorizePublish(client, packet) {
    // For a client that left a delayed will before a restart, the context is lost.
    return (client.context as User | undefined)?.mayPublish.test(packet.topic) === true
  },

  /** Every hook may return a promise instead of a value, of a database query for instance. */
  async authorizeSubscribe(client, subscription) {
    if (!(client.context as User).maySubscribe.test(subscription.topic)) return false
    // No client gets more than QoS 1 here.
    return subscription.qos === 2 ? { ...subscription, qos: 1 } : subscription
  },

  /** Called for each receiver: this one forwards no message with the user property "private". */
  authorizeForward(_client, message) {
    return message.properties?.userProperties?.private === undefined ? message : null
  },
})

broker.on('connectionError', (_client, error) => console.log(`Refused: ${error.code}`))
broker.on('publishRefused', (error, packet) => console.log(`Refused: ${error.code} ${packet.topic}`))
broker.on('subscribe', (subscriptions, client) => {
  for (const { topic, qos } of subscriptions) console.log(`${client.id}: ${topic} granted ${qos}`)
})

const server = await createServer(broker, { transport: 'tcp', port: Number(process.env.PORT ?? 1883) })
console.log(`Listening on ${server.addresses[0]?.url}`)

process.once('SIGTERM', async () => {
  await server.close()
  await broker.close()
})
