/** MQTT beside the routes of a web framework: both are served on one port, and closed in the right order. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { describe, it } from 'node:test'
import { fastify } from 'fastify'
import { createBroker } from '../../../lib/index.js'
import { createServer, fastifyMqtt, listenWithMqtt } from '../../../lib/server/server.js'
import { connectClient } from '../../support/clients/mqtt.js'

describe('listenWithMqtt', () => {
  it('serves HTTP and MQTT, and closes both: clients first, while a running request is finished', async () => {
    const broker = await createBroker()
    const order: string[] = []
    broker.on('clientDisconnect', () => order.push('client gone'))
    let finish = () => {}
    const web = await listenWithMqtt(
      broker,
      (_request, response) => {
        finish = () => response.end('done')
        order.push('asked')
      },
      { port: 0, path: '/things' },
    )
    assert.match(web.mqttUrl, /^ws:\/\/127\.0\.0\.1:\d+\/things$/)
    const client = await connectClient(web.mqttUrl)
    const asking = request(web.url, { agent: false }).end()
    while (order.length === 0) await new Promise(resolve => setImmediate(resolve))
    const closed = once(broker, 'closed')
    const closing = web.close().then(() => order.push('closed'))
    await closed
    await assert.rejects(fetch(web.url))
    order.push('answered')
    finish()
    const [response] = await once(asking, 'response')
    response.resume()
    await closing
    assert.deepEqual(order, ['asked', 'client gone', 'answered', 'closed'])
    await client.endAsync(true)
  })

  it('reports that the port is in use', async () => {
    const broker = await createBroker()
    const web = await listenWithMqtt(broker, () => {}, { port: 0 })
    const port = Number(new URL(web.url).port)
    await assert.rejects(
      listenWithMqtt(broker, () => {}, { port }),
      { code: 'ANAX_ERR_LISTEN' },
    )
    await web.close()
  })
})

describe('fastifyMqtt', () => {
  it('adds a broker to the app, and closes it with the app, even if a client is connected', async () => {
    const app = fastify()
    const broker = await createBroker()
    await app.register(fastifyMqtt, { broker, path: '/things', prefix: '/ignored' })
    assert.equal((app as unknown as { mqtt: unknown }).mqtt, broker)
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const client = await connectClient(`${url.replace('http', 'ws')}/things`)
    await app.close()
    assert.equal(broker.closed, true)
    await client.endAsync(true)
  })
})

describe('a server', () => {
  it('stops listening at the end of its scope', async () => {
    await using broker = await createBroker()
    let url: string
    {
      await using server = await createServer(broker, { transport: 'tcp', port: 0 })
      url = server.addresses[0]!.url
    }
    await assert.rejects(connectClient(url), { code: 'ECONNREFUSED' })
  })
})
