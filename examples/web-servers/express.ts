/**
 * MQTT over WebSocket beside the routes of Express 5: a message posted over HTTP is published, and the last one can be
 * fetched.
 *
 *   npm run build && node dist/examples/web-servers/express.js
 *   npx mqtt sub -h 127.0.0.1 -p 3000 -l ws --path /mqtt -t 'news/#' -v
 *   curl -H 'content-type: text/plain' -d 'hello' http://127.0.0.1:3000/news/today
 */
import { createBroker } from 'anax'
import { listenWithMqtt } from 'anax/server'
import express from 'express'

const broker = await createBroker()
const latest = new Map<string, string>()
await broker.subscribe('news/+', ({ topic, payload }) => {
  latest.set(topic, payload.toString())
})

const app = express()
app.use(express.text())
app.post('/news/:topic', async (request, response) => {
  await broker.publish({ topic: `news/${request.params.topic}`, payload: request.body, qos: 1, retain: true })
  response.sendStatus(204)
})
app.get('/news/:topic', (request, response) => {
  const text = latest.get(`news/${request.params.topic}`)
  if (text === undefined) response.status(404).send('no news')
  else response.send(text)
})

const web = await listenWithMqtt(broker, app, { port: Number(process.env.PORT ?? 3000), path: '/mqtt' })
console.log(`Listening on ${web.url} and ${web.mqttUrl}`)

process.once('SIGTERM', () => web.close())
