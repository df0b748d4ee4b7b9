/** The examples run as their first lines say, do what they promise, and end completely on SIGTERM. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { after, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { policyRules } from '../examples/auth/aws-iot-policy.js'
import { sharedAccessSignature } from '../examples/auth/azure-sas.js'
import { deny } from '../lib/auth/index.js'
import { connectClient, nextMessage } from './support/clients/mqtt.js'
import { RunningProcess } from './support/programs/command.js'
import { ROOT } from './support/root.js'
import { temporaryFolder } from './support/tls/certificate.js'

describe('the examples', () => {
  const folder = temporaryFolder()
  after(() => folder.remove())

  function start(name: string): RunningProcess {
    const env = { ...process.env, PORT: '0', TCP_PORT: '0', CERTIFICATE_DIR: folder.path }
    return new RunningProcess(process.execPath, [join(ROOT, 'dist/examples', `${name}.js`)], env)
  }

  /** Starts an example, and resolves with the URL that it prints. */
  async function listening(name: string, scheme: string): Promise<{ example: RunningProcess; url: string }> {
    const example = start(name)
    const [url] = await example.says(new RegExp(`${scheme}://127\\.0\\.0\\.1:\\d+\\S*`))
    return { example, url }
  }

  async function stopped(example: RunningProcess): Promise<void> {
    const { code, stderr } = await example.stop('SIGTERM')
    assert.deepEqual([code, stderr], [0, ''])
  }

  it('are all tested here', () => {
    const source = readFileSync(join(ROOT, 'test/examples.test.ts'), 'utf8')
    const names = ['.', 'auth', 'web-servers'].flatMap(folder =>
      readdirSync(join(ROOT, 'examples', folder))
        .filter(file => file.endsWith('.ts'))
        .map(file => posix.join(folder, file.replace('.ts', ''))),
    )
    assert.deepEqual(
      names.filter(name => !source.includes(`'${name}'`)),
      [],
    )
  })

  it('tcp', async () => {
    const { example, url } = await listening('tcp', 'mqtt')
    await echo(url)
    await example.says(/: echo hello/)
    await stopped(example)
  })

  it('tls', async () => {
    const { example, url } = await listening('tls', 'mqtts')
    await echo(url, { ca: readFileSync(join(folder.path, 'anax-example.pem')) })
    await stopped(example)
  })

  it('websocket', async () => {
    const { example, url } = await listening('websocket', 'ws')
    const [tcp] = await example.says(/mqtt:\/\/\S+/)
    const client = await connectClient(tcp)
    const received = nextMessage(client)
    await client.subscribeAsync('echo')
    await echo(url)
    assert.equal((await received).payload.toString(), 'hello')
    await client.endAsync()
    await stopped(example)
  })

  it('auth/hooks', async () => {
    const { example, url } = await listening('auth/hooks', 'mqtt')
    await assert.rejects(connectClient(url, { username: 'alice', password: 'guess' }))
    await example.says(/Refused: ANAX_ERR_CREDENTIALS/)

    const alice = await connectClient(url, { username: 'alice', password: 'wonderland', protocolVersion: 5 })
    const sensor = await connectClient(url, { username: 'sensor', password: '12345', protocolVersion: 5 })
    const [granted] = await alice.subscribeAsync('home/#', { qos: 2 })
    assert.equal(granted?.qos, 1)
    await assert.rejects(sensor.subscribeAsync('home/#'))
    await assert.rejects(sensor.publishAsync('home/door', 'open', { qos: 1 }))
    await example.says(/Refused: ANAX_ERR_PUBLISH_REFUSED home\/door/)

    const received = nextMessage(alice)
    const hidden = { userProperties: { private: 'yes' } }
    await sensor.publishAsync('home/sensor/diary', 'secret', { qos: 1, properties: hidden })
    await sensor.publishAsync('home/sensor/temperature', '21', { qos: 1 })
    assert.equal((await received).payload.toString(), '21')
    await alice.endAsync()
    await sensor.endAsync()
    await stopped(example)
  })

  it('auth/scram', async () => {
    const { example, url } = await listening('auth/scram', 'mqtt')
    // with a client whose password must not appear in clear text
    await assert.rejects(connectClient(url, { username: 'alice', password: 'wonderland', protocolVersion: 5 }))
    await stopped(example)
  })

  it('auth/renewed-token', async () => {
    const example = start('auth/renewed-token')
    // on a busy machine, the first token may have expired before it is used
    await example.says(/Connected with token \d+/)
    await example.says(/Connected with token ([2-9]|\d\d)/)
    await stopped(example)
  })

  for (const name of ['web-servers/http-server', 'web-servers/express', 'web-servers/fastify']) {
    it(name, async () => {
      const { example, url } = await listening(name, 'ws')
      const page = `${url.replace('ws:', 'http:').replace('/mqtt', '')}/news/today`
      assert.equal((await fetch(page)).status, 404)
      const client = await connectClient(url)
      const received = nextMessage(client)
      await client.subscribeAsync('news/#')
      const { status } = await fetch(page, { method: 'POST', body: 'sunny', headers: { 'content-type': 'text/plain' } })
      assert.equal(status, 204)
      assert.equal((await received).payload.toString(), 'sunny')
      await client.publishAsync('news/today', 'rainy', { qos: 1 })
      assert.equal(await (await fetch(page)).text(), 'rainy')
      if (name === 'web-servers/fastify') assert.match(await firstMessage(url.replace('/mqtt', '/clock')), /^20/)
      // The client stays connected: the example ends the connection.
      await stopped(example)
      await client.endAsync(true)
    })
  }

  it('auth/multi-tenant', async () => {
    const { example, url } = await listening('auth/multi-tenant', 'mqtt')
    const enter = (username: string, password: string, clientId: string) =>
      connectClient(url, { username, password, clientId, protocolVersion: 5 })
    const [admin, pump] = [await enter('acme/admin', 'sesame', 'a'), await enter('acme/pump', 'open', 'pump-1')]
    const other = await enter('umbrella/admin', 'rain', 'b')
    const received = nextMessage(admin)
    await admin.subscribeAsync('tenants/acme/#')
    for (const filter of ['#', 'tenants/+/#', 'tenants/acme/#']) await assert.rejects(other.subscribeAsync(filter))
    await assert.rejects(pump.publishAsync('tenants/acme/devices/pump-2/pressure', '1', { qos: 1 }))
    await example.says(/Denied: acme\/pump publish tenants\/acme\/devices\/pump-2\/pressure no-rule/)
    await pump.publishAsync('tenants/acme/devices/pump-1/pressure', '3.2', { qos: 1 })
    assert.equal((await received).payload.toString(), '3.2')
    for (const client of [admin, pump, other]) await client.endAsync()
    await stopped(example)
  })

  it('auth/multi-tenant-rewriting', async () => {
    const { example, url } = await listening('auth/multi-tenant-rewriting', 'mqtt')
    const enter = (username: string, password: string, clientId: string, options = {}) =>
      connectClient(url, { username, password, clientId, protocolVersion: 5, ...options })
    const admin = await enter('acme/admin', 'sesame', 'acme-1')
    const other = await enter('umbrella/admin', 'rain', 'umbrella-1')
    await assert.rejects(enter('umbrella/admin', 'rain', 'acme-1'))
    for (const client of [admin, other]) await client.subscribeAsync(['#', '$share/g/shared/+'], { qos: 1 })
    for (const filter of ['$SYS/#', '$share/g/$SYS/#']) await assert.rejects(other.subscribeAsync(filter))
    const seen = { admin: [] as string[], other: [] as string[] }
    admin.on('message', (topic, _payload, { properties, retain }) => {
      seen.admin.push(`${topic} ${retain ? 'retained' : (properties?.responseTopic ?? '')}`)
    })
    other.on('message', topic => seen.other.push(topic))
    const will = { topic: 'pump/gone', payload: Buffer.from('x'), qos: 1 as const, retain: false }
    const pump = await enter('acme/pump', 'open', 'acme-2', { will })
    await pump.publishAsync('pump/pressure', '3.2', { qos: 1, retain: true, properties: { responseTopic: 'pump/ack' } })
    await pump.publishAsync('shared/x', 'x', { qos: 1 })
    await assert.rejects(pump.publishAsync('$SYS/x', 'x', { qos: 1 }))
    const gone = new Promise<void>(resolve => admin.on('message', topic => topic === 'pump/gone' && resolve()))
    pump.stream.destroy()
    await gone
    await pump.endAsync(true)
    // each of them has one subscription, under the name that it knows
    await admin.unsubscribeAsync('#')
    const retained = nextMessage(admin)
    await admin.subscribeAsync('pump/+')
    await retained
    await other.publishAsync('end', 'x', { qos: 1 })
    assert.deepEqual(seen.admin.sort(), [
      ...['pump/gone ', 'pump/pressure pump/ack', 'pump/pressure retained', 'shared/x ', 'shared/x '],
    ])
    for (const client of [admin, other]) await client.endAsync()
    assert.deepEqual(seen.other, ['end'])
    await stopped(example)
  })

  it('auth/aws-iot-policy', async () => {
    const { stdout } = await start('auth/aws-iot-policy').finished()
    assert.deepEqual(stdout.trim().split('\n'), [
      'publish dt/d1/temperature: allowed',
      'publish dt/d2/temperature: no-rule',
      'publish dt/d1/secret: rule-denies',
      'publish $aws/things/d1/shadow/update: allowed',
      'subscribe cmd/d1/#: allowed',
      'subscribe cmd/#: wider-than-rules',
    ])
    const everywhere = { Effect: 'Deny', Action: 'iot:Publish', Resource: '*' } as const
    assert.deepEqual(policyRules({ Version: '2012-10-17', Statement: [everywhere] }), [
      deny({ publish: ['#', '$aws/#'] }),
    ])
    const statement = { Effect: 'Deny', Action: 'iot:*', Resource: '*' } as const
    assert.throws(() => policyRules({ Version: '2012-10-17', Statement: [statement] }), /cannot be said/)
  })

  it('auth/azure-sas', async () => {
    const { example, url } = await listening('auth/azure-sas', 'mqtt')
    const username = 'example.azure-devices.net/d1/?api-version=2021-04-12'
    const [, password = ''] = await example.says(/-P '([^']+)'/)
    const device = await connectClient(url, { clientId: 'd1', username, password, protocolVersion: 5 })
    await device.publishAsync('devices/d1/messages/events/', 'hello', { qos: 1 })
    await assert.rejects(device.publishAsync('devices/d2/messages/events/', 'hello', { qos: 1 }))
    await device.endAsync()
    const key = Buffer.from('the key of device d1').toString('base64')
    const over = sharedAccessSignature('d1', key, Math.floor(Date.now() / 1000) - 1)
    const guessed = sharedAccessSignature('d1', 'AAAA', Math.floor(Date.now() / 1000) + 60)
    for (const wrong of [over, guessed, password.replace(/se=\d+/, 'se=9999999999'), 'x']) {
      await assert.rejects(connectClient(url, { clientId: 'd1', username, password: wrong }))
    }
    await assert.rejects(connectClient(url, { clientId: 'd2', username: username.replace('d1', 'd2'), password }))
    await stopped(example)
  })

  it('auth/device-certificates', async () => {
    const { example, url } = await listening('auth/device-certificates', 'mqtts')
    const read = (name: string) => readFileSync(join(folder.path, 'anax-devices', name))
    const pair = { ca: read('ca.pem'), cert: read('device-1.pem'), key: read('device-1.key') }
    const device = await connectClient(url, { ...pair, clientId: 'device-1', protocolVersion: 5 })
    await device.publishAsync('devices/device-1/state', 'on', { qos: 1 })
    await assert.rejects(device.publishAsync('devices/device-2/state', 'on', { qos: 1 }))
    await device.endAsync()
    await assert.rejects(connectClient(url, { ...pair, clientId: 'device-2', protocolVersion: 5 }))
    await assert.rejects(connectClient(url, { ca: pair.ca }))
    await stopped(example)
  })

  it('web-servers/express-login', async () => {
    const { example, url } = await listening('web-servers/express-login', 'ws')
    const origin = url.replace('ws:', 'http:').replace('/mqtt', '')
    assert.match(await (await fetch(origin)).text(), /<form/)
    const login = (password: string) =>
      fetch(`${origin}/login`, { method: 'POST', body: new URLSearchParams({ name: 'alice', password }) })
    assert.equal((await login('guess')).status, 401)
    const cookie = (await login('wonderland')).headers.get('set-cookie')?.split(';')[0] ?? ''
    const enter = (headers: Record<string, string>) =>
      connectClient(url, { wsOptions: { headers }, protocolVersion: 5 })
    const client = await enter({ cookie, origin })
    await client.publishAsync('users/alice/x', '1', { qos: 1 })
    await assert.rejects(client.publishAsync('users/bob/x', '1', { qos: 1 }))
    await client.endAsync()
    await assert.rejects(enter({ cookie, origin: 'https://evil.example' }))
    await assert.rejects(enter({ origin }))
    await stopped(example)
  })

  it('web-servers/fastify-login', async () => {
    const { example, url } = await listening('web-servers/fastify-login', 'ws')
    const origin = url.replace('ws:', 'http:').replace('/mqtt', '')
    assert.match(await (await fetch(origin)).text(), /<form/)
    const login = (password: string) => {
      const headers = { 'content-type': 'application/json' }
      return fetch(`${origin}/login`, { method: 'POST', headers, body: JSON.stringify({ name: 'alice', password }) })
    }
    assert.equal((await login('guess')).status, 401)
    const { token } = (await (await login('wonderland')).json()) as { token: string }
    const client = await connectClient(url, { username: 'alice', password: token, protocolVersion: 5 })
    await client.publishAsync('users/alice/x', '1', { qos: 1 })
    await assert.rejects(client.subscribeAsync('users/bob/#'))
    await client.endAsync()
    await assert.rejects(connectClient(url, { username: 'alice', password: 'wonderland' }))
    await stopped(example)
  })

  it('in-process', async () => {
    const { code, stdout, stderr } = await start('in-process').finished()
    assert.deepEqual([code, stdout, stderr], [0, 'Received hello on greetings\nDone\n', ''])
  })
})

/** The first message of a WebSocket that is none of MQTT's. */
async function firstMessage(url: string): Promise<string> {
  const socket = new WebSocket(url)
  const [data] = await once(socket, 'message')
  socket.terminate()
  return String(data)
}

async function echo(url: string, options: Parameters<typeof connectClient>[1] = {}): Promise<void> {
  const client = await connectClient(url, options)
  const received = nextMessage(client)
  await client.subscribeAsync('echo', { qos: 1 })
  await client.publishAsync('echo', 'hello', { qos: 1 })
  assert.equal((await received).payload.toString(), 'hello')
  await client.endAsync()
}
