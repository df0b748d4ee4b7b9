/**
 * Several tenants on one broker, whose topics do not show it: each seems to have its own broker. The topic that a client
 * calls `pump/pressure` is `acme/pump/pressure` inside the broker, and is translated back for subscribers.
 * The user name contains the tenant: `TENANT/NAME`. multi-tenant.ts does the same with rules.
 *
 *   npm run build && node dist/examples/auth/multi-tenant-rewriting.js
 *   mosquitto_sub -p 1883 -i acme-1 -u acme/admin -P sesame -t '#' -v
 *   mosquitto_pub -p 1883 -i acme-2 -u acme/pump -P open -t pump/pressure -m 3.2
 */
import { createBroker, type Hooks } from 'anax'
import { custom } from 'anax/auth'
import { createServer } from 'anax/server'

/** In production: a table with hashes instead of passwords. */
const users = new Map([
  ['acme/admin', 'sesame'],
  ['acme/pump', 'open'],
  ['umbrella/admin', 'rain'],
])

const auth = custom(({ client, username = '', password }) => {
  const [tenant = ''] = username.split('/')
  // an identifier that begins with the tenant's name cannot take over the session of another tenant
  if (users.get(username) !== password?.toString() || !client.id.startsWith(`${tenant}-`)) return false
  return { username, attributes: { tenant } }
})

/** `acme/`. The user name was verified at CONNECT, and is stored with the will. */
const prefixOf = ({ username = '' }: { username: string | undefined }) => `${username.split('/')[0]}/`

/** Gives every tenant a separate topic tree. */
const ownTopics = {
  authorizePublish: (client, packet) => {
    if (packet.topic.startsWith('$')) return false
    const prefix = prefixOf(client)
    packet.topic = prefix + packet.topic
    const { responseTopic } = packet.properties ?? {}
    if (responseTopic !== undefined) packet.properties = { ...packet.properties, responseTopic: prefix + responseTopic }
    return true
  },

  authorizeSubscribe: (client, subscription) => {
    const [, group = '', filter = ''] = /^(\$share\/[^/]+\/)?(.*)$/s.exec(subscription.topic) ?? []
    if (filter.startsWith('$')) return false
    return { ...subscription, topic: `${group}${prefixOf(client)}${filter}` }
  },

  authorizeForward: (client, message) => {
    const prefix = prefixOf(client)
    if (!message.topic.startsWith(prefix)) return null
    message.topic = message.topic.slice(prefix.length)
    const { responseTopic } = message.properties ?? {}
    if (responseTopic?.startsWith(prefix)) {
      message.properties = { ...message.properties, responseTopic: responseTopic.slice(prefix.length) }
    }
    return message
  },
} satisfies Hooks

const broker = await createBroker({ ...auth, ...ownTopics })
const server = await createServer(broker, { transport: 'tcp', port: Number(process.env.PORT ?? 1883) })
console.log(`Listening on ${server.addresses[0]?.url}`)

process.once('SIGTERM', async () => {
  await server.close()
  await broker.close()
  auth.close()
})
