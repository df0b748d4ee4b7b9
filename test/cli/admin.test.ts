/** The administration's port: enabled unless MQTT uses the port, printed at the start, audited in the log. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { checkSettings } from '../../lib/cli/options/settings.js'
import { anax, startCommand } from '../support/programs/command.js'

describe('--admin-port', () => {
  it('serves the dashboard at the printed address, and ends with the broker', async () => {
    const { process } = await startCommand('--memory', '--admin-port', '0', '--metrics', '0', '--health', '0')
    const [, metrics = ''] = await process.says(/^ {2}Metrics +(http:\/\/127\.0\.0\.1:\d+\/metrics)$/m)
    assert.match(await (await fetch(metrics)).text(), /^anax_clients 0$/m)
    assert.equal((await fetch(new URL('/', metrics))).status, 404)
    assert.equal((await fetch(metrics, { method: 'POST' })).status, 405)
    const [, health = ''] = await process.says(/^ {2}Health +(http:\/\/127\.0\.0\.1:\d+\/readyz)$/m)
    for (const [path, status] of [
      ['/readyz', 200],
      ['/livez', 200],
      ['/', 404],
    ] as const) {
      assert.equal((await fetch(new URL(path, health), { headers: { host: 'any.example' } })).status, status)
    }
    const [, url = ''] = await process.says(/^ {2}Dashboard +(http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{32})$/m)
    const entered = await fetch(url, { redirect: 'manual' })
    assert.equal(entered.status, 303)
    const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? ''
    assert.match(await (await fetch(new URL('/', url), { headers: { cookie } })).text(), /dashboard\.js/)
    assert.equal((await fetch(new URL('/', url))).status, 401)
    await process.says(/administration address=127\.0\.0\.1 action=sign-in outcome=done/)
    const live = await fetch(new URL('/api/v1/live', url), { headers: { cookie } })
    assert.equal(live.status, 200)
    assert.equal((await process.stop()).code, 0)
    await live.body?.cancel().catch(() => {})
  })

  it('is 8084 by default, and off if an MQTT listener uses that port', () => {
    const tokenFile = join('anax-data', 'admin-token')
    assert.deepEqual(checkSettings({}).admin, { port: 8084, isChosen: false, hosts: [], tokenFile })
    assert.equal(checkSettings({ 'admin-port': 'off' }).admin, undefined)
    assert.equal(checkSettings({ 'ws-port': '8084' }).admin, undefined)
    assert.equal(checkSettings({ 'wss-port': '8084', cert: 'a', key: 'b' }).admin, undefined)
    assert.deepEqual(checkSettings({ metrics: '9641' }).metrics, { host: '127.0.0.1', port: 9641 })
    assert.deepEqual(checkSettings({ metrics: '[::]:9641' }).metrics, { host: '::', port: 9641 })
    assert.throws(() => checkSettings({ metrics: 'on' }), /^Error: --metrics takes PORT or HOST:PORT, not 'on'/)
    assert.deepEqual(checkSettings({ 'admin-port': '9000', data: 'here' }).admin, {
      port: 9000,
      isChosen: true,
      hosts: [],
      tokenFile: join('here', 'admin-token'),
    })
    assert.deepEqual(checkSettings({ 'admin-hosts': 'a.example,b' }).admin?.hosts, ['a.example', 'b'])
    assert.throws(
      () => checkSettings({ 'admin-hosts': 'a.example:443' }),
      /^Error: --admin-hosts takes host names without ports, not 'a.example:443'/,
    )
    assert.equal(checkSettings({ memory: true }).admin?.tokenFile, undefined)
    assert.equal(checkSettings({ memory: true, 'admin-token-file': 'x' }).admin?.tokenFile, 'x')
  })

  it('ends the command if its port is in use', async () => {
    const other = net.createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as net.AddressInfo
    const ports = ['--port', '0', '--ws-port', 'off', '--admin-port', String(port)]
    const { code, stderr } = await anax(['--memory', ...ports])
    assert.equal(code, 1)
    assert.match(stderr, /^anax: --admin-port: .*EADDRINUSE/m)
    other.close()
  })
})
