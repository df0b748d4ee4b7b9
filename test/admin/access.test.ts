/**
 * Access to the administration: nobody gets in without the token, and pages of other sites cannot act through a
 * browser.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { createAdmin } from '../../lib/admin/index.js'
import { createBroker } from '../../lib/index.js'
import { AdminServer, ask } from './admin-server.js'

const STATS = '/api/v1/stats'
const PUBLISH = '/api/v1/publish'

describe('a client with the token', () => {
  let server: AdminServer
  before(async () => {
    server = await AdminServer.start({ token: 'a-secret-of-some-length', hosts: ['admin.example'] })
  })
  after(() => server.close())

  it('is admitted, and nobody else, on every path', async () => {
    assert.equal((await server.ask(STATS)).status, 200)
    const paths = [STATS, '/', '/dashboard.js', '/livez', '/readyz', '/api/v1/openapi.json', '/api/v1/live', '/none']
    for (const path of paths) assert.equal((await server.ask(path, { anonymous: true })).status, 401, path)
    for (const wrong of ['x', 'a-secret-of-some-lengtH', '']) {
      assert.equal((await server.ask(STATS, { headers: { authorization: `Bearer ${wrong}` } })).status, 401)
    }
  })

  it('gets a cookie for the token in the address, and the address without it', async () => {
    const entered = await server.ask('/?token=a-secret-of-some-length', { anonymous: true })
    assert.equal(entered.status, 303)
    assert.equal(entered.headers.location, './')
    const [cookie = ''] = entered.headers['set-cookie'] ?? []
    assert.match(cookie, /^anax-admin-[0-9a-f]{8}=a-secret-of-some-length; HttpOnly; SameSite=Strict; Path=\/$/)
    const headers = { cookie: `other=1; ${cookie.split(';')[0]}` }
    assert.equal((await server.ask(STATS, { anonymous: true, headers })).status, 200)
  })

  it('stays signed in when it signs in to another broker of the same host', async () => {
    const other = await AdminServer.start()
    const cookies = await Promise.all(
      [server, other].map(async ({ port, admin }) => {
        const entered = await ask(port, `/?token=${admin.token}`, {})
        return entered.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      }),
    )
    // as a browser keeps them, one for each name
    const kept = new Map(cookies.map(cookie => [cookie.split('=')[0], cookie]))
    const headers = { cookie: [...kept.values()].join('; ') }
    for (const { port } of [server, other]) assert.equal((await ask(port, STATS, { headers })).status, 200)
    await other.close()
  })

  it('gets a cookie for encrypted connections only if a proxy has TLS', async () => {
    const headers = { 'x-forwarded-proto': 'https' }
    const entered = await server.ask('/?token=a-secret-of-some-length', { anonymous: true, headers })
    assert.match(String(entered.headers['set-cookie']), /; Secure$/)
  })

  it('can enter it in a form', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const login = (token: string) => server.ask('/login', { anonymous: true, headers, body: `token=${token}` })
    assert.equal((await login('a-secret-of-some-length')).status, 303)
    const refused = await login('wrong')
    assert.deepEqual([refused.status, refused.headers['set-cookie']], [401, undefined])
    assert.match(refused.text, /<form method="post" action="login">/)
    assert.match(refused.text, /This is not the token of this broker/)
    assert.doesNotMatch((await server.ask('/', { anonymous: true })).text, /not the token/)
    const signIns = server.audits.filter(({ action }) => action === 'sign-in').slice(-2)
    assert.deepEqual(
      signIns.map(({ outcome }) => outcome),
      ['done', 'failed'],
    )
  })

  it('is refused under an unknown host name, which a page with DNS rebinding would send', async () => {
    const status = async (host: string) => (await server.ask(STATS, { headers: { host } })).status
    for (const host of ['evil.example', 'evil.example:80', 'localhost.evil.example', 'admin.example.evil']) {
      assert.equal(await status(host), 421, host)
    }
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:9', '[::1]:9', '10.1.2.3', 'admin.example:443']) {
      assert.equal(await status(host), 200, host)
    }
  })

  it('is refused if a page of another origin sent the request', async () => {
    const own = `127.0.0.1:${server.port}`
    const status = async (headers: Record<string, string>) => {
      return (await server.ask(PUBLISH, { headers, body: { topic: 'a' } })).status
    }
    assert.equal(await status({ origin: 'http://evil.example' }), 403)
    assert.equal(await status({ origin: `http://127.0.0.1:${server.port + 1}` }), 403)
    assert.equal(await status({ origin: 'null' }), 403)
    assert.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await status({ 'sec-fetch-site': 'same-site' }), 403)
    assert.equal(await status({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }), 403)
    assert.equal(await status({ origin: `http://${own}`, 'sec-fetch-site': 'same-origin' }), 200)
    assert.equal(await status({ origin: 'https://admin.example' }), 200)
    assert.equal((await server.ask(STATS, { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403)
  })

  it('cannot publish with an HTML form: a body must be JSON', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
      const answer = await server.ask(PUBLISH, { headers: { 'content-type': type }, body: '{"topic":"a"}' })
      assert.equal(answer.status, 415)
    }
  })

  it('gets headers that forbid frames, foreign hosts and scripts within the page', async () => {
    for (const answer of [await server.ask(STATS), await server.ask('/', { anonymous: true })]) {
      const policy = String(answer.headers['content-security-policy'])
      for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]) {
        assert.ok(policy.split('; ').includes(part), part)
      }
      assert.doesNotMatch(policy, /unsafe|http/)
      assert.equal(answer.headers['x-frame-options'], 'DENY')
      // with no-referrer, Chromium sends `Origin: null` with the form, which is refused
      assert.equal(answer.headers['referrer-policy'], 'same-origin')
      assert.equal(answer.headers['x-content-type-options'], 'nosniff')
      assert.equal(answer.headers['cache-control'], 'no-store')
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
    }
  })
})

describe('the application', () => {
  it('decides on each request, and names the user for the audit', async () => {
    const authorize = async ({ headers }: { headers: Record<string, unknown> }) => {
      if (headers['x-user'] === 'broken') throw new Error('the service is away')
      return headers['x-user'] as string | undefined
    }
    const server = await AdminServer.start({ authorize, health: 'everybody' })
    const publish = (user: string) => {
      return server.ask(PUBLISH, { anonymous: true, headers: { 'x-user': user }, body: { topic: 'a' } })
    }
    assert.equal(server.admin.token, undefined)
    assert.equal((await publish('anna')).status, 200)
    assert.equal((await publish('broken')).status, 401)
    assert.equal((await publish('')).status, 401)
    const [record] = server.audits
    assert.deepEqual({ ...record, at: 0 }, { ...record, at: 0, action: 'publish', target: 'a', by: 'anna' })
    assert.equal(server.audits.length, 1)
    assert.equal((await server.ask('/readyz', { anonymous: true })).status, 200)
    assert.equal((await server.ask('/?token=undefined', { anonymous: true })).status, 401)
    await server.close()
  })

  it('gets an error that names an invalid option', async () => {
    const broker = await createBroker()
    const wrong = [
      { token: 'short' },
      { token: 'a-secret-of-some-length', authorize: () => true },
      { hosts: ['a:80'] },
      { path: 'admin' },
      { sampleMs: 1 },
      { colour: 'red' },
    ]
    for (const options of wrong) assert.throws(() => createAdmin(broker, options), { code: 'ANAX_ERR_OPTION' })
    const [one, other] = [createAdmin(broker), createAdmin(broker)]
    assert.match(one.token!, /^[\w-]{32}$/)
    assert.notEqual(one.token, other.token)
    await broker.close()
  })
})
