/** Attacks without a token, byte by byte: nothing is read, changed or disclosed. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { ROUTES } from '../../lib/admin/routes/routes.js'
import { connectTo } from '../support/brokers/several.js'
import { AdminServer } from './admin-server.js'

const TOKEN = 'a-secret-of-some-length'
const COOKIE = `anax-admin-${createHash('sha256').update(TOKEN).digest('hex').slice(0, 8)}`

describe('a client without the token', () => {
  let server: AdminServer
  before(async () => {
    server = await AdminServer.start({ token: TOKEN })
    await connectTo(server.broker, 'victim')
    await server.broker.publish({ topic: 'kept', payload: 'x', retain: true })
  })
  after(() => server.close())

  /** Sends these lines, and returns the head of the answer. */
  async function raw(...lines: string[]): Promise<string> {
    const socket = net.connect(server.port, '127.0.0.1')
    socket.end(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`)
    let text = ''
    for await (const chunk of socket.setEncoding('latin1')) text += chunk
    return text.split('\r\n\r\n')[0] ?? ''
  }

  it('reaches no route, without a token or with a wrong one, with any method', async () => {
    const wrong = [
      {},
      { authorization: 'Bearer' },
      { authorization: `Basic ${TOKEN}` },
      { authorization: `Bearer ${TOKEN}x` },
      { authorization: TOKEN },
      { cookie: `${COOKIE}=${TOKEN}x` },
      { cookie: `x${COOKIE}=${TOKEN}` },
      { cookie: `anax-admin=${TOKEN}` },
      { cookie: `${COOKIE}="${TOKEN}"` },
      { 'x-forwarded-for': '127.0.0.1', 'x-anax-token': TOKEN },
    ]
    const methods = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'OPTIONS', 'TRACE']
    for (const path of new Set(ROUTES.map(route => route.path.replace('{id}', 'victim')))) {
      for (const method of methods) {
        assert.equal((await server.ask(path, { anonymous: true, method })).status, 401, `${method} ${path}`)
      }
      for (const headers of wrong) {
        assert.equal((await server.ask(`${path}?filter=%23`, { anonymous: true, headers })).status, 401, path)
      }
    }
    assert.equal(server.broker.connectedClients, 1)
    assert.equal(server.broker.stats().retained.messages, 1)
    assert.deepEqual(server.audits, [])
  })

  it('cannot use another host name', async () => {
    const authorization = `Authorization: Bearer ${TOKEN}`
    const hosts = [
      'localhost@evil.example',
      'evil.example#localhost',
      '127.0.0.1.evil.example',
      '127.0.0.1@evil.example:80',
      'localhost:80:80',
      '[::1].evil.example',
      '0x7f.1.evil',
      '',
    ]
    for (const host of hosts) {
      const head = await raw(
        'GET /api/v1/stats HTTP/1.1',
        `Host: ${host}`,
        'X-Forwarded-Host: localhost',
        authorization,
      )
      assert.match(head, /^HTTP\/1\.1 421 /, host)
    }
    assert.match(await raw('GET /api/v1/stats HTTP/1.0', authorization), /^HTTP\/1\.1 421 /)
    assert.match(await raw('GET http://localhost/api/v1/stats HTTP/1.1', 'Host: evil.example', authorization), / 421 /)
  })

  it('cannot redirect to another site, nor break the redirect', async () => {
    for (const path of ['//evil.example/', '/\\evil.example/', '///evil.example', '/%2f%2fevil.example/']) {
      const head = await raw(`GET ${path}?token=${TOKEN} HTTP/1.1`, 'Host: localhost')
      const location = /^location: (.*)$/im.exec(head)?.[1] ?? assert.fail(head)
      assert.equal(new URL(location, 'http://localhost/x').host, 'localhost', location)
    }
    const split = await raw(`GET /%0d%0aset-cookie:%20a=b?token=${TOKEN} HTTP/1.1`, 'Host: localhost')
    assert.doesNotMatch(split, /^set-cookie: a=b/im)
  })

  it('gets an answer to invalid requests', async () => {
    const authorization = `Authorization: Bearer ${TOKEN}`
    assert.match(await raw('GET //[ HTTP/1.1', 'Host: localhost', authorization), /^HTTP\/1\.1 400 /)
    assert.match(await raw('GET /api/v1/sessions/%ff HTTP/1.1', 'Host: localhost', authorization), / 400 /)
    for (const path of ['/__proto__', '/constructor', '/../package.json', '/page/files.js', '/api/v1/../../x']) {
      assert.match(await raw(`GET ${path} HTTP/1.1`, 'Host: localhost', authorization), / 404 /, path)
    }
    assert.equal((await server.ask('/api/v1/sessions/__proto__')).status, 404)
    for (const body of ['{"topic":"a","__proto__":{"retain":true}}', '{"topic":"a","constructor":1}']) {
      assert.equal((await server.ask('/api/v1/publish', { body, headers: JSON_TYPE })).status, 400)
    }
  })

  it('cannot use up the streams of authorized clients', async () => {
    const requests = Array.from({ length: 120 }, () => server.ask('/api/v1/live', { anonymous: true }))
    assert.ok((await Promise.all(requests)).every(({ status }) => status === 401))
    const head = await server.ask('/api/v1/live', { method: 'HEAD' })
    assert.equal(head.status, 200)
    const closed = once(server.broker, 'closed')
    await server.close()
    await closed
  })
})

const JSON_TYPE = { 'content-type': 'application/json' }
