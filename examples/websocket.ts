/**
 * MQTT over TCP and over WebSocket side by side: one broker, as many listeners as needed.
 *
 *   npm run build && node dist/examples/websocket.js
 *   npx mqtt sub -h 127.0.0.1 -p 8083 -l ws -t 'test/#' -v
 */
import { createBroker } from 'anax'
import { createServer } from 'anax/server'

const broker = await createBroker()
const server = await createServer(broker, [
  { transport: 'ws', port: Number(process.env.PORT ?? 8083) },
  { transport: 'tcp', port: Number(process.env.TCP_PORT ?? 1883) },
])
for (const { url } of server.addresses) console.log(`Listening on ${url}`)

process.once('SIGTERM', async () => {
  await server.close()
  await broker.close()
})
