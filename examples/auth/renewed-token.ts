/**
 * A client whose password is a token that expires. The broker ends the connection when the token expires, and the
 * client, MQTT.js, comes back with a new one. Broker and client are in one process here.
 *
 *   npm run build && node dist/examples/auth/renewed-token.js
 */
import { randomBytes } from 'node:crypto'
import { createBroker } from 'anax'
import { jwt } from 'anax/auth'
import { createServer } from 'anax/server'
import { SignJWT } from 'jose'
import { connect } from 'mqtt'

const secret = randomBytes(32)
const auth = jwt({ algorithms: ['HS256'], key: secret })
const broker = await createBroker({ ...auth })
const server = await createServer(broker, { transport: 'tcp', port: Number(process.env.PORT ?? 1883) })

/** Stands for a request to the service that signs tokens. These are valid for one to two seconds. */
let tokens = 0
async function fetchToken(): Promise<string> {
  tokens++
  const expiresAt = Math.floor(Date.now() / 1000) + 2
  return new SignJWT({ sub: 'meter' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(expiresAt).sign(secret)
}

const client = connect(server.addresses[0]!.url, {
  clientId: 'meter',
  clean: false,
  // MQTT.js sends a password only with a user name
  username: 'meter',
  password: await fetchToken(),
  reconnectPeriod: 100,
  // the new token may come later than the next attempt, which is then refused: try again
  reconnectOnConnackError: true,
})
client.on('connect', () => console.log(`Connected with token ${tokens}`))
client.on('close', async () => {
  if (!client.disconnecting) client.options.password = await fetchToken()
})
client.on('error', error => console.log(`Refused: ${error.message}`))

process.once('SIGTERM', async () => {
  await client.endAsync(true)
  await server.close()
  await broker.close()
  auth.close()
})
