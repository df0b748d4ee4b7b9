/**
 * Several tenants on one broker: each device sees the topics of its own tenant and no others, and each tenant's
 * administrator sees all of it. The user name contains the tenant: `TENANT/NAME`.
 *
 *   npm run build && node dist/examples/auth/multi-tenant.js
 *   mosquitto_sub -p 1883 -u acme/admin -P sesame -t 'tenants/acme/#' -v
 *   mosquitto_pub -p 1883 -u acme/pump -P open -i pump-1 -t tenants/acme/devices/pump-1/pressure -m 3.2
 */
import { createBroker } from 'anax'
import { aclFile, allow, compose, custom } from 'anax/auth'
import { createServer } from 'anax/server'

/** In production: a table with hashes instead of passwords. */
const users = new Map([
  ['acme/admin', { password: 'sesame', role: 'admin' }],
  ['acme/pump', { password: 'open', role: 'device' }],
  ['umbrella/admin', { password: 'rain', role: 'admin' }],
])

const auth = compose([
  custom(({ username = '', password }) => {
    const user = users.get(username)
    if (user === undefined || password?.toString() !== user.password) return false
    const [tenant = ''] = username.split('/')
    return { username, roles: [user.role], attributes: { tenant } }
  }),
  aclFile({
    roles: {
      admin: [allow({ all: 'tenants/%{tenant}/#' })],
      device: [
        allow({ publish: 'tenants/%{tenant}/devices/%c/#', subscribe: 'tenants/%{tenant}/devices/%c/commands/#' }),
        allow({ subscribe: 'tenants/%{tenant}/announcements' }),
      ],
    },
  }),
])
auth.on('denied', ({ action, topic = '', username, code }) =>
  console.log(`Denied: ${username} ${action} ${topic} ${code}`),
)

const broker = await createBroker({ ...auth })
const server = await createServer(broker, { transport: 'tcp', port: Number(process.env.PORT ?? 1883) })
console.log(`Listening on ${server.addresses[0]?.url}`)

process.once('SIGTERM', async () => {
  await server.close()
  await broker.close()
  auth.close()
})
