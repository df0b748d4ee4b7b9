/** Authentication by an HTTP service: requests and answers in each format, failures, caching, revocation. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, it } from 'node:test'
import { aclFile, allow, compose, type HttpAuthOptions, httpAuth, identityOf } from '../../lib/auth/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import { codeOf, denialsOf, enter, login, withAuth } from './support.js'

type Answer = (question: Record<string, unknown>, path: string, response: ServerResponse) => unknown

let server: Server
after(() => {
  server?.closeAllConnections()
  server?.close()
})

/** A service. Its answer is sent as JSON; undefined if the handler has answered already. */
async function serve(answer: Answer): Promise<{ url: string; asked: string[] }> {
  server?.closeAllConnections()
  server?.close()
  const asked: string[] = []
  server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    asked.push(`${request.url} ${text}`)
    const content = await answer(JSON.parse(text), request.url ?? '', response)
    if (content !== undefined) response.end(JSON.stringify(content))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

const both = (url: string): HttpAuthOptions => ({ authenticate: `${url}/auth`, authorize: `${url}/acl` })

describe('httpAuth', () => {
  it('asks once per client and topic, while the answer is cached', async () => {
    const { url, asked } = await serve(({ username, password, topic }, path) => {
      if (path === '/acl') return { result: topic === 'a' ? 'allow' : 'deny' }
      return { result: username === 'alice' && password === 'wonderland' ? 'allow' : 'deny', roles: ['r'] }
    })
    const clock = new FakeClock(Date.now())
    await withAuth(httpAuth({ ...both(url), clock, cacheMs: 1000 }), async broker => {
      const client = await enter(broker, { username: 'alice', clientId: 'c', password: 'wonderland' })
      assert.deepEqual(identityOf(broker.clients.c!).roles, ['r'])
      assert.equal(await codeOf(broker, { username: 'alice', clientId: 'd', password: 'other' }), 0x86)
      for (let time = 0; time < 2; time++) {
        assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x10)
        assert.equal(await client.publish({ topic: 'b', qos: 1 }), 0x87)
      }
      assert.deepEqual(await client.subscribe({ topic: '$share/g/a', qos: 0 }, { topic: '#', qos: 0 }), [0, 0x87])
      assert.equal(asked.length, 6)
      assert.equal(asked[0], '/auth {"clientId":"c","username":"alice","password":"wonderland"}')
      assert.equal(asked[2], '/acl {"clientId":"c","username":"alice","action":"publish","topic":"a"}')
      await clock.advance(1001)
      assert.equal(await client.publish({ topic: 'b', qos: 1 }), 0x87)
      assert.equal(asked.length, 7)
    })
  })

  it("has EMQX's format, with rules, attributes and expiry", async () => {
    const { url, asked } = await serve(({ username, topic }, path) => {
      if (path === '/acl') return { result: topic === 'b' ? 'allow' : 'ignore' }
      if (username === 'nobody') return { result: 'ignore' }
      const acl = [{ permission: 'allow', action: 'publish', topic: `own/$\{clientid}` }]
      return {
        result: 'allow',
        is_superuser: username === 'root',
        client_attrs: { tenant: 't' },
        ...(username === 'acl' && { acl }),
      }
    })
    const rules = aclFile({ everyone: [allow({ publish: '%{tenant}/x' })] })
    const auth = compose([httpAuth({ ...both(url), preset: 'emqx', headers: { authorization: 'Bearer x' } }), rules])
    await withAuth(auth, async broker => {
      const ask = async (username: string, topic: string) => {
        const client = await enter(broker, { username, clientId: username, password: 'x' })
        return client.publish({ topic, qos: 1 })
      }
      assert.equal(await ask('root', 'anything'), 0x10)
      assert.equal(await ask('acl', 'own/acl'), 0x10)
      assert.equal(await ask('acl', 'b'), 0x87)
      assert.equal(await ask('plain', 'b'), 0x10)
      assert.equal(await ask('plain', 't/x'), 0x10)
      assert.equal(await ask('plain', 'c'), 0x87)
      assert.equal(await codeOf(broker, { username: 'nobody', password: 'x' }), 0x86)
      assert.equal(asked[0], '/auth {"clientid":"root","username":"root","password":"x"}')
      assert.ok(asked.some(text => text.includes('"action":"publish","topic":"b"')))
    })
  })

  it('has the format of mosquitto-go-auth: status, text or JSON', async () => {
    const { url, asked } = await serve(({ username, acc }, path, response) => {
      if (path === '/acl') return { ok: acc === 2, error: '' }
      if (username !== 'alice') response.writeHead(401)
      response.end('ok')
      return undefined
    })
    await withAuth(httpAuth({ ...both(url), preset: 'mosquitto-go-auth' }), async broker => {
      const client = await enter(broker, { username: 'alice', clientId: 'c', password: 'x' })
      assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x10)
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 0 }), [0x87])
      assert.equal(await codeOf(broker, { username: 'bob', password: 'x' }), 0x86)
      assert.equal(asked[2], '/acl {"username":"alice","clientid":"c","topic":"a","acc":4}')
    })
  })

  it('accepts nobody if the service is late, broken, redirects, or answers nonsense', async () => {
    const answers: Answer[] = [
      () => undefined,
      (_question, _path, response) => void response.destroy(),
      (_question, _path, response) => void response.writeHead(500).end('{"result":"allow"}'),
      (_question, _path, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
      (_question, _path, response) => void response.end('<html>login</html>'),
      () => ({ result: 'Allow' }),
      () => ({ result: 'allow', roles: 'admin' }),
      () => ({ result: 'allow', acl: 'all' }),
      () => ({ result: 'allow', filling: 'x'.repeat(70_000) }),
      () => ({ __proto__: { result: 'allow' } }),
    ]
    for (const [index, answer] of answers.entries()) {
      const { url } = await serve(answer)
      const auth = httpAuth({ ...both(url), timeoutMs: 200 })
      const denials = denialsOf(auth)
      await withAuth(auth, async broker => {
        assert.equal(await codeOf(broker, { username: 'alice', password: 'x' }), 0x88, `answer ${index}`)
      })
      assert.deepEqual(denials, ['connect service-unavailable'])
    }
    const { url } = await serve(() => ({ result: 'allow' }))
    await withAuth(httpAuth(both(url)), async broker => {
      assert.equal(await codeOf(broker, { username: 'a', password: Buffer.from([0xff, 0xfe]) }), 0x86)
    })
  })

  it('stops asking a failing service, and tries again later with one request', async () => {
    let works = false
    const { url, asked } = await serve((_question, _path, response) => {
      if (works) return { result: 'allow' }
      response.writeHead(503).end()
      return undefined
    })
    const clock = new FakeClock(Date.now())
    const auth = httpAuth({
      authenticate: url,
      clock,
      failures: 2,
      pauseMs: 1000,
      cacheMs: 0,
      maxWaiting: 0,
      concurrency: 2,
    })
    await withAuth(auth, async broker => {
      const ask = () => codeOf(broker, { username: 'alice', password: 'x' })
      for (let time = 0; time < 4; time++) assert.equal(await ask(), 0x88)
      assert.equal(asked.length, 2)
      await clock.advance(1001)
      assert.equal(await ask(), 0x88)
      assert.equal(asked.length, 3)
      assert.equal(await ask(), 0x88)
      assert.equal(asked.length, 3)
      works = true
      await clock.advance(1001)
      assert.equal(await ask(), 0)
      assert.equal(await ask(), 0)
      assert.equal(asked.length, 5)
    })
  })

  it('ends, at a reload, subscriptions that the service does not allow any more', async () => {
    let allowed = true
    const { url } = await serve((_question, path) => ({ result: path === '/auth' || allowed ? 'allow' : 'deny' }))
    const auth = httpAuth(both(url))
    await withAuth(auth, async broker => {
      const client = await enter(broker, { username: 'alice', clientId: 'c', password: 'x' })
      assert.deepEqual(await client.subscribe({ topic: 'a', qos: 0 }), [0])
      allowed = false
      await auth.reload()
      assert.equal(broker.clients.c!.subscriptions.size, 0)
      assert.equal(await client.publish({ topic: 'a', qos: 1 }), 0x87)
    })
  })

  /** A service that decides when it is asked, and sends the decision when the test allows it. */
  async function slowService() {
    const held: (() => void)[] = []
    const service = { result: 'allow', url: '', next: async () => (() => {}) as () => void }
    const { url } = await serve((_question, _path, response) => {
      const answer = JSON.stringify({ result: service.result })
      held.push(() => response.end(answer))
      server.emit('held')
    })
    service.url = url
    service.next = async () => {
      if (held.length === 0) await once(server, 'held', { signal: AbortSignal.timeout(10_000) })
      return held.shift()!
    }
    return service
  }

  it('asks again for clients that were accepted before a reload', async () => {
    const service = await slowService()
    const auth = httpAuth({ authenticate: service.url })
    await withAuth(auth, async broker => {
      const connecting = login(broker, { username: 'alice', clientId: 'c', password: 'x' })
      const first = await service.next()
      service.result = 'deny'
      await auth.reload()
      first()
      const second = await service.next()
      second()
      await (await connecting).client.expectDisconnect(0x87)
    })
  })

  it('asks again if a reload overtakes the answer to a SUBSCRIBE', async () => {
    const service = await slowService()
    const auth = httpAuth({ authorize: service.url })
    await withAuth(auth, async broker => {
      const client = await enter(broker, { username: 'alice' })
      const subscribing = client.subscribe({ topic: 'a', qos: 0 })
      const first = await service.next()
      service.result = 'deny'
      await auth.reload()
      first()
      const second = await service.next()
      second()
      assert.deepEqual(await subscribing, [0x87])
    })
  })

  it('refuses invalid options', () => {
    for (const options of [
      {},
      { authenticate: 'localhost' },
      { authenticate: 'file:///x' },
      { authenticate: 'http://x', preset: 'toString' },
      { authenticate: 'http://x', timeoutMs: 0 },
    ]) {
      assert.throws(() => httpAuth(options as never), { code: 'ANAX_ERR_OPTION' }, JSON.stringify(options))
    }
  })
})
