/**
 * MQTT over WebSocket on the port of a plain HTTP server: a message posted over HTTP is published, and the last one can
 * be fetched. The request listener may as well be that of Hono or another framework.
 *
 *   npm run build && node dist/examples/web-servers/http-server.js
 *   npx mqtt sub -h 127.0.0.1 -p 3000 -l ws --path /mqtt -t 'news/#' -v
 *   curl -H 'content-type: text/plain' -d 'hello' http://127.0.0.1:3000/news/today
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { createBroker } from 'anax'
import { listenWithMqtt } from 'anax/server'

const broker = await createBroker()
const latest = new Map<string, string>()
await broker.subscribe('news/+', ({ topic, payload }) => {
  latest.set(topic, payload.toString())
})

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const topic = request.url?.slice(1) ?? ''
  if (request.method === 'POST') {
    await broker.publish({ topic, payload: await text(request), qos: 1, retain: true })
    response.writeHead(204).end()
  } else {
    const news = latest.get(topic)
    response.writeHead(news === undefined ? 404 : 200).end(news ?? 'no news')
  }
}

const web = await listenWithMqtt(broker, answer, { port: Number(process.env.PORT ?? 3000), path: '/mqtt' })
console.log(`Listening on ${web.url} and ${web.mqttUrl}`)

process.once('SIGTERM', () => web.close())
