/** The examples run as their first lines say, do what they promise, and end on SIGTERM with nothing left over. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { temporaryFolder } from './support/certificate.js'
import { RunningProcess } from './support/command.js'
import { connectClient, nextMessage } from './support/mqtt.js'
import { ROOT } from './support/root.js'

describe('the examples', () => {
  const folder = temporaryFolder()
  after(() => folder.remove())

  function start(name: string): RunningProcess {
    const env = { ...process.env, PORT: '0', TCP_PORT: '0', CERTIFICATE_DIR: folder.path }
    return new RunningProcess(process.execPath, [join(ROOT, 'dist/examples', `${name}.js`)], env)
  }

  /** Starts an example and resolves with the URL that it announces. */
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
    const files = readdirSync(join(ROOT, 'examples')).filter(file => file.endsWith('.ts'))
    const names = files.map(file => file.replace('.ts', ''))
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

  it('auth-hooks', async () => {
    const { example, url } = await listening('auth-hooks', 'mqtt')
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

  it('scram', async () => {
    const { example, url } = await listening('scram', 'mqtt')
    // a password that travels is not what it wants
    await assert.rejects(connectClient(url, { username: 'alice', password: 'wonderland', protocolVersion: 5 }))
    await stopped(example)
  })

  for (const name of ['http-server', 'express', 'fastify']) {
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
      if (name === 'fastify') assert.match(await firstMessage(url.replace('/mqtt', '/clock')), /^20/)
      // It stays connected: the example lets it go.
      await stopped(example)
      await client.endAsync(true)
    })
  }

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
