/** The JSON API: calls every operation of its OpenAPI document, and checks every answer against its schema. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import express from 'express'
import fastify from 'fastify'
import mqtt from 'mqtt'
import { createAdmin, type LogLine, LogTail } from '../../lib/admin/index.js'
import { createBroker } from '../../lib/index.js'
import type { Logger } from '../../types/logger.js'
import { connectTo } from '../support/brokers/several.js'
import { AdminServer, type Answer, type Asking, ask, events } from './admin-server.js'

const API = '/api/v1'

describe('the API', () => {
  let server: AdminServer
  let listener: net.Server
  /** The operations that have answered with success. */
  const asked = new Set<string>()
  const ajv = new Ajv2020({ strict: false })
  // biome-ignore lint/suspicious/noExplicitAny: a document
  let document: any

  before(async () => {
    server = await AdminServer.start(
      { sampleMs: 100, broker: { maxRetainedMessages: 10 } },
      { maxRetainedMessages: 10 },
    )
    listener = net.createServer(server.broker.handle)
    await once(listener.listen(0, '127.0.0.1'), 'listening')
    document = (await server.ask(`${API}/openapi.json`)).json
    ajv.addSchema({ $id: 'api', components: document.components })
  })
  after(async () => {
    await server.close()
    listener.close()
  })

  /** Sends a request, and checks the answer against the document. */
  async function checked(operation: string, path: string, asking: Asking = {}): Promise<Answer> {
    const [method = '', template = ''] = operation.split(' ')
    const answer = await server.ask(path, { ...asking, method })
    const described = document.paths[template]?.[method.toLowerCase()] ?? assert.fail(operation)
    const { $ref } = described.responses[answer.status]?.content['application/json'].schema ?? assert.fail(answer.text)
    const valid = ajv.validate({ $ref: `api${$ref}` }, answer.json)
    assert.ok(valid, `${operation}: ${ajv.errorsText()} in ${answer.text}`)
    if (answer.status === 200) asked.add(operation)
    return answer
  }

  async function connected(clientId: string, options: mqtt.IClientOptions = {}) {
    const { port } = listener.address() as net.AddressInfo
    return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, { clientId, reconnectPeriod: 0, ...options })
  }

  it('lists sessions page by page, filtered, and one by itself', async () => {
    const clients = await Promise.all(['list/1', 'list/2', 'other'].map(id => connected(id, { username: `u-${id}` })))
    const page = await checked(`GET ${API}/sessions`, `${API}/sessions?prefix=list%2F&limit=1&connected=true`)
    assert.deepEqual(
      page.json.items.map(({ clientId }: { clientId: string }) => clientId),
      ['list/1'],
    )
    const second = await checked(`GET ${API}/sessions`, `${API}/sessions?prefix=list%2F&after=${page.json.next}`)
    assert.equal(second.json.items[0].clientId, 'list/2')
    assert.equal(second.json.next, undefined)
    const one = await checked(`GET ${API}/sessions/{id}`, `${API}/sessions/list%2F2`)
    assert.equal(one.json.username, 'u-list/2')
    const named = await checked(`GET ${API}/sessions`, `${API}/sessions?username=u-other&address=127.0.0.1`)
    assert.equal(named.json.items.length, 1)
    assert.equal((await checked(`GET ${API}/sessions/{id}`, `${API}/sessions/nobody`)).status, 404)
    for (const client of clients) await client.endAsync()
  })

  it('kicks a client, deletes a session, and audits both', async () => {
    const client = await connected('kick', {
      clean: false,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: 60 },
    })
    await client.subscribeAsync('k/#', { qos: 1 })
    const told = new Promise<mqtt.IDisconnectPacket>(resolve => client.once('disconnect', resolve))
    const path = `${API}/sessions/kick/disconnect`
    const operation = `POST ${API}/sessions/{id}/disconnect`
    await checked(operation, path, { body: { reasonString: 'be gone' } })
    const packet = await told
    assert.deepEqual([packet.reasonCode, packet.properties?.reasonString], [0x98, 'be gone'])
    assert.equal((await checked(operation, path, { body: {} })).status, 404)

    await server.broker.publish({ topic: 'k/1', payload: 'waits', qos: 1 })
    const queue = await checked(`GET ${API}/sessions/{id}/queue`, `${API}/sessions/kick/queue`)
    assert.equal(queue.json.items[0].message.payload, 'waits')
    const subscriptions = await checked(`GET ${API}/subscriptions`, `${API}/subscriptions?clientId=kick`)
    assert.equal(subscriptions.json.items[0].topic, 'k/#')

    await checked(`DELETE ${API}/sessions/{id}`, `${API}/sessions/kick`)
    assert.equal(await server.broker.session('kick'), undefined)
    const audits = server.audits.map(({ action, target, outcome }) => `${action} ${target} ${outcome}`)
    assert.deepEqual(audits, ['disconnect kick done', 'disconnect kick not-found', 'delete-session kick done'])
    assert.equal(server.audits[0]?.address, '127.0.0.1')
  })

  it('publishes text and bytes, and reads and deletes retained messages', async () => {
    const publish = (body: unknown) => checked(`POST ${API}/publish`, `${API}/publish`, { body })
    await publish({ topic: 'r/text', payload: 'häh', retain: true, qos: 1, contentType: 'text/plain' })
    await publish({ topic: 'r/bytes', payload: '/wA=', encoding: 'base64', retain: true })
    const list = async () => (await checked(`GET ${API}/retained`, `${API}/retained?filter=r/%23`)).json.items
    const byTopic = Object.fromEntries((await list()).map((item: { topic: string }) => [item.topic, item]))
    assert.equal(byTopic['r/text'].payload, 'häh')
    assert.equal(byTopic['r/text'].contentType, 'text/plain')
    assert.deepEqual([byTopic['r/bytes'].payload, byTopic['r/bytes'].encoding], ['/wA=', 'base64'])
    assert.equal((await checked(`GET ${API}/retained`, `${API}/retained?limit=1`)).json.more, true)
    const deleted = await checked(`DELETE ${API}/retained`, `${API}/retained?filter=r/text`)
    assert.equal(deleted.json.deleted, 1)
    assert.equal((await list()).length, 1)
    for (let number = 0; number < 9; number++) await publish({ topic: `full/${number}`, payload: 'x', retain: true })
    assert.equal((await publish({ topic: 'full/more', payload: 'x', retain: true })).status, 409)
  })

  it('says what is wrong with a request', async () => {
    const refused = async (path: string, body?: unknown) => {
      const { status, json } = await server.ask(path, body === undefined ? {} : { body })
      return [status, json.error.code]
    }
    assert.deepEqual(await refused(`${API}/sessions?limit=0`), [400, 'invalid'])
    assert.deepEqual(await refused(`${API}/sessions?connected=maybe`), [400, 'invalid'])
    assert.deepEqual(await refused(`${API}/retained?filter=a%23`), [400, 'ANAX_ERR_ARGUMENT'])
    assert.deepEqual(await refused(`${API}/sessions/%ff`), [400, 'invalid'])
    assert.deepEqual(await refused(`${API}/publish`, '{'), [415, 'not-json'])
    assert.deepEqual(await refused(`${API}/publish`, { topic: 'a', qos: 3 }), [400, 'invalid'])
    assert.deepEqual(await refused(`${API}/publish`, { topic: 'a', colour: 1 }), [400, 'invalid'])
    assert.deepEqual(await refused(`${API}/publish`, { topic: 'a/#' }), [400, 'ANAX_ERR_ARGUMENT'])
    assert.deepEqual(await refused(`${API}/none`), [404, 'not-found'])
    assert.deepEqual(await refused(`${API}/stats`, {}), [405, 'wrong-method'])
    const large = { topic: 'a', payload: 'x'.repeat(1024 * 1024) }
    assert.deepEqual(await refused(`${API}/publish`, large), [413, 'too-large'])
  })

  it('shows statistics, limits, and the clients that lost messages', async () => {
    const client = await connected('slow', {
      clean: false,
      protocolVersion: 5,
      properties: { sessionExpiryInterval: 60 },
    })
    await client.subscribeAsync('s', { qos: 1 })
    await client.endAsync()
    const dropped = once(server.broker, 'drop')
    await server.broker.publish({ topic: 's', qos: 1, payload: Buffer.alloc(17 * 1024 * 1024) })
    await dropped
    const list = await checked(`GET ${API}/dropping`, `${API}/dropping`)
    const [{ clientId, drops, session, byReason }] = list.json.items
    assert.deepEqual([clientId, drops, session.connected], ['slow', 1, false])
    assert.deepEqual(Object.values(byReason), [1])
    const stats = await checked(`GET ${API}/stats`, `${API}/stats`)
    assert.deepEqual(stats.json.drops, { ...server.broker.stats().drops })
    const { json } = await checked(`GET ${API}/configuration`, `${API}/configuration`)
    const limit = json.limits.find(({ name }: { name: string }) => name === 'maxRetainedMessages')
    assert.deepEqual(limit, { name: 'maxRetainedMessages', limit: 10, used: 10 })
    assert.deepEqual(json.options, { maxRetainedMessages: 10 })
    const used = json.limits.find(({ name }: { name: string }) => name === 'maxConnections')
    assert.deepEqual(
      [used.limit, used.used],
      [server.broker.limits.maxConnections, server.broker.stats().connections.open],
    )
    await checked(`GET ${API}/history`, `${API}/history`)
    await checked('GET /livez', '/livez')
    await checked('GET /readyz', '/readyz')
  })

  it('names the connected clients that do not keep up', async () => {
    const slow = await connectTo(server.broker, 'keeps not up', { properties: { receiveMaximum: 1 } })
    await slow.subscribe({ topic: 'much', qos: 1 })
    for (let number = 0; number < 3; number++) await server.broker.publish({ topic: 'much', payload: 'x', qos: 1 })
    const { json } = await checked(`GET ${API}/slow`, `${API}/slow?limit=5`)
    assert.deepEqual(json.items, server.broker.slowClients(5))
    assert.deepEqual([json.items[0].clientId, json.items[0].waiting.messages], ['keeps not up', 2])
    await slow.drop()
  })

  it('sorts the connected clients by their numbers', async () => {
    const [much, little] = [await connectTo(server.broker, 'top/much'), await connectTo(server.broker, 'top/little')]
    const publish = async () => {
      for (let count = 0; count < 3; count++) await much.publish({ topic: 'x', qos: 1 })
      await little.publish({ topic: 'x', qos: 1 })
    }
    const top = async (by: string) => (await checked(`GET ${API}/top`, `${API}/top?by=${by}&limit=5`)).json.items
    let rounds = 0
    let found = await top('received')
    // the numbers of a client are read again only when enough time has passed for a rate, of each by itself
    for (; found.length < 2; rounds++) {
      await publish()
      found = await top('received')
    }
    assert.deepEqual(
      found.map(({ clientId }: { clientId: string }) => clientId),
      ['top/much', 'top/little'],
    )
    assert.ok(found[0].receivedPerSecond > found[1].receivedPerSecond)
    assert.deepEqual([found[0].received.messages, found[0].sent.messages], [3 * rounds, 0])
    assert.deepEqual(await top('waiting'), [])
    assert.deepEqual(await top('drops'), [])
    const one = await checked(`GET ${API}/sessions/{id}`, `${API}/sessions/top%2Fmuch`)
    assert.equal(one.json.received.messages, 3 * rounds)
    assert.equal((await checked(`GET ${API}/top`, `${API}/top`)).status, 400)
    for (const client of [much, little]) await client.drop()
  })

  it('was tested with every operation of its description, except streams', () => {
    const operations = Object.entries<Record<string, { responses: Record<string, { content: object }> }>>(
      document.paths,
    )
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, { responses }]) => ({ path, method, responses })),
      )
      .filter(({ responses }) => !('text/event-stream' in responses[200]!.content))
      .map(({ path, method }) => `${method.toUpperCase()} ${path}`)
    assert.ok(operations.length > 10)
    assert.deepEqual([...asked].toSorted(), operations.toSorted())
  })
})

describe('live values', () => {
  let server: AdminServer
  beforeEach(async () => {
    server = await AdminServer.start({ sampleMs: 100 })
  })
  afterEach(() => server.close())

  it('are sent as they are sampled, after the earlier ones', async () => {
    const names: string[] = []
    for await (const { event, data } of events(server.port, `${API}/live`, server.admin.token)) {
      names.push(event)
      if (event !== 'sample') continue
      assert.equal(data.sample.connected, 0)
      assert.equal(data.stats.sessions.total, 0)
      break
    }
    assert.deepEqual(names, ['open', 'history', 'sample'])
  })

  it('are the messages of a filter, and the number of those that were dropped', async () => {
    let skipped = 0
    const seen: string[] = []
    for await (const { event, data } of events(server.port, `${API}/messages?filter=m/%23`, server.admin.token)) {
      if (event === 'open') {
        for (let number = 0; number < 60; number++) await server.broker.publish({ topic: `m/${number}` })
        await server.broker.publish({ topic: 'other' })
      }
      if (event === 'message') seen.push(data.topic)
      if (event === 'skipped') skipped += data.messages
      if (seen.length + skipped === 60) break
    }
    assert.deepEqual(seen.slice(0, 2), ['m/0', 'm/1'])
    assert.ok(seen.length >= 50)
    assert.equal((await server.ask(`${API}/messages?filter=a%23`)).status, 400)
  })

  it('are the lines of the log, including earlier ones', async () => {
    const passedOn: string[] = []
    const note = (_fields: object, message: string) => void passedOn.push(message)
    const next: Logger = { error: note, warn: note, info: note, debug: note, child: () => next }
    const log = new LogTail(next)
    const logged = await AdminServer.start({ log }, { logger: log })
    await connectTo(logged.broker, 'first')
    const seen: string[] = []
    for await (const { event, data } of events(logged.port, `${API}/log`, logged.admin.token)) {
      if (event === 'lines') {
        seen.push(...data.map(textOf))
        await connectTo(logged.broker, 'second')
      }
      if (event === 'line') seen.push(textOf(data))
      if (seen.length === 2) break
    }
    assert.deepEqual(seen, ['info client connected first', 'info client connected second'])
    assert.deepEqual(passedOn.splice(0), ['client connected', 'client connected'])
    for (let number = 0; number < 600; number++) log.warn({ number }, 'many')
    assert.deepEqual([log.lines.length, log.lines.at(-1)?.fields], [500, { number: 599 }])
    await logged.close()
    assert.deepEqual((await server.ask(`${API}/log`)).json.error.code, 'no-log')
  })

  it('are kept alive with comments, so that no proxy ends them', async () => {
    const logged = await AdminServer.start({ log: new LogTail(), sampleMs: 100 })
    for (const path of [`${API}/log`, `${API}/messages?filter=none`]) {
      const seen: string[] = []
      for await (const { event } of events(logged.port, path, logged.admin.token)) {
        seen.push(event)
        if (event === '') break
      }
      assert.ok(seen.length >= 2, path)
    }
    await logged.close()
  })

  it('end when the broker is closed', async () => {
    const seen: string[] = []
    for await (const { event } of events(server.port, `${API}/live`, server.admin.token)) {
      seen.push(event)
      if (event === 'history') await server.broker.close()
    }
    assert.ok(seen.includes('history'))
    assert.equal((await server.ask('/readyz')).status, 503)
    assert.equal((await server.ask('/livez')).status, 200)
  })
})

function textOf({ level, message, fields }: LogLine): string {
  return `${level} ${message} ${fields.clientId}`
}

describe('a web framework', () => {
  const token = 'a-secret-of-some-length'
  const headers = { authorization: `Bearer ${token}` }

  async function works(port: number): Promise<void> {
    const stats = await ask(port, `/admin${API}/stats`, { headers })
    assert.equal(stats.status, 200)
    const published = await ask(port, `/admin${API}/publish`, { headers, body: { topic: 'a' } })
    assert.deepEqual([published.status, published.json], [200, { done: true }])
    assert.equal((await ask(port, `/admin${API}/stats`, {})).status, 401)
    const slash = await ask(port, '/admin', {})
    assert.deepEqual([slash.status, slash.headers.location], [303, './admin/'])
    const entered = await ask(port, `/admin?token=${token}`, {})
    assert.deepEqual([entered.status, entered.headers.location], [303, './admin/'])
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const signedIn = await ask(port, '/admin/login', { headers: form, body: `token=${token}` })
    assert.deepEqual([signedIn.status, signedIn.headers.location], [303, './'])
  }

  it('Express mounts it as a handler, even after its JSON parser', async () => {
    const broker = await createBroker()
    const app = express().use(express.json()).use('/admin', createAdmin(broker, { token }).handle)
    const server = app.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await works((server.address() as net.AddressInfo).port)
    server.close()
    await broker.close()
  })

  it('is a proxy that mounts it below an unknown path', async () => {
    const broker = await createBroker()
    const behind = http.createServer(createAdmin(broker, { token, hosts: ['site.example'] }).handle)
    await once(behind.listen(0, '127.0.0.1'), 'listening')
    const { port } = behind.address() as net.AddressInfo
    const proxy = http.createServer((request, response) => {
      const { method, headers, url = '' } = request
      const path = url.replace(/^\/mqtt\//, '/')
      const passed = http.request({ port, method, path, headers, agent: false, host: '127.0.0.1' }, answer => {
        response.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(response)
      })
      request.pipe(passed)
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    const at = (proxy.address() as net.AddressInfo).port
    const origin = { host: 'site.example', origin: 'https://site.example', 'x-forwarded-proto': 'https' }
    const entered = await ask(at, `/mqtt/?token=${token}`, { headers: origin })
    assert.equal(new URL(entered.headers.location!, 'https://site.example/mqtt/').pathname, '/mqtt/')
    const headers = { ...origin, cookie: entered.headers['set-cookie']![0]!.split(';')[0]! }
    const page = await ask(at, '/mqtt/', { headers })
    for (const [, name] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      const { pathname } = new URL(name!, 'https://site.example/mqtt/')
      assert.equal((await ask(at, pathname, { headers })).status, 200, name)
    }
    assert.equal((await ask(at, `/mqtt${API}/publish`, { headers, body: { topic: 'a' } })).status, 200)
    for (const server of [proxy, behind]) {
      server.closeAllConnections()
      server.close()
    }
    await broker.close()
  })

  it('Fastify leaves requests to it before it reads their bodies', async () => {
    const broker = await createBroker()
    const admin = createAdmin(broker, { token, path: '/admin' })
    const app = fastify()
    app.addHook('onRequest', (request, reply, next) => {
      if (!/^\/admin(\/|$|\?)/.test(request.url)) return next()
      reply.hijack()
      void admin.handle(request.raw, reply.raw)
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    await works((app.server.address() as net.AddressInfo).port)
    await app.close()
    await broker.close()
  })
})
