/**
 * MQTT over TCP with nothing but node:net: the broker accepts any stream.
 *
 *   npm run build && node dist/examples/tcp.js
 *   mosquitto_sub -p 1883 -t 'test/#' -v
 */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { createBroker } from 'anax'

const broker = await createBroker()
broker.on('client', client => console.log(`${client.id} connected`))
broker.on('clientDisconnect', client => console.log(`${client.id} disconnected`))
broker.on('publish', ({ topic, payload }, client) => console.log(`${client?.id ?? 'host'}: ${topic} ${payload}`))

const server = createServer({ noDelay: true }, broker.handle)
server.listen(Number(process.env.PORT ?? 1883), '127.0.0.1')
await once(server, 'listening')
console.log(`Listening on mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`)

process.once('SIGTERM', async () => {
  server.close()
  await broker.close()
})
