/**
 * MQTT over WebSocket on the port of an existing HTTP server, Fastify here, with both sides talking to each other:
 * a message posted over HTTP is published, and the last one can be fetched.
 *
 *   npm run build && node dist/examples/http-server.js
 *   npx mqtt sub -h 127.0.0.1 -p 3000 -l ws --path /mqtt -t 'news/#' -v
 *   curl -H 'content-type: text/plain' -d 'hello' http://127.0.0.1:3000/news/today
 */
import { createBroker } from 'anax'
import { attachWebSocket } from 'anax/server'
import fastify from 'fastify'

const app = fastify()
const broker = await createBroker()
const webSocket = attachWebSocket(broker, app.server, { path: '/mqtt' })

const latest = new Map<string, string>()
await broker.subscribe('news/+', ({ topic, payload }, done) => {
  latest.set(topic, payload.toString())
  done()
})

app.post<{ Params: { topic: string }; Body: string }>('/news/:topic', async ({ params, body }, reply) => {
  await broker.publish({ topic: `news/${params.topic}`, payload: body, qos: 1, retain: true })
  return reply.code(204).send()
})
app.get<{ Params: { topic: string } }>('/news/:topic', ({ params }, reply) => {
  const text = latest.get(`news/${params.topic}`)
  return text === undefined ? reply.code(404).send('no news') : reply.send(text)
})
// The broker first: an HTTP server waits for its connections, and WebSockets do not end by themselves.
app.addHook('preClose', async () => {
  webSocket.close()
  await broker.close()
})

const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(`Listening on ${url} and ${url.replace('http:', 'ws:')}/mqtt`)

process.once('SIGTERM', () => app.close())
