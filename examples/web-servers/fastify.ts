/**
 * MQTT over WebSocket beside the routes of Fastify 5: a message posted over HTTP is published, and the last one can be
 * fetched. Other WebSockets of the application keep working.
 *
 *   npm run build && node dist/examples/web-servers/fastify.js
 *   npx mqtt sub -h 127.0.0.1 -p 3000 -l ws --path /mqtt -t 'news/#' -v
 *   curl -H 'content-type: text/plain' -d 'hello' http://127.0.0.1:3000/news/today
 */
import fastifyWebSocket from '@fastify/websocket'
import { createBroker } from 'anax'
import { fastifyMqtt } from 'anax/server'
import { fastify } from 'fastify'

const app = fastify()
const broker = await createBroker()
await app.register(fastifyWebSocket)
await app.register(fastifyMqtt, { broker, path: '/mqtt' }) // app.close() closes the broker, too

const latest = new Map<string, string>()
await broker.subscribe('news/+', ({ topic, payload }) => {
  latest.set(topic, payload.toString())
})

app.post<{ Params: { topic: string }; Body: string }>('/news/:topic', async ({ params, body }, reply) => {
  await broker.publish({ topic: `news/${params.topic}`, payload: body, qos: 1, retain: true })
  return reply.code(204).send()
})
app.get<{ Params: { topic: string } }>('/news/:topic', ({ params }, reply) => {
  const text = latest.get(`news/${params.topic}`)
  return text === undefined ? reply.code(404).send('no news') : reply.send(text)
})
app.get('/clock', { websocket: true }, socket => socket.send(new Date().toISOString()))

const url = await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(`Listening on ${url} and ${url.replace('http:', 'ws:')}/mqtt`)

process.once('SIGTERM', () => app.close())
