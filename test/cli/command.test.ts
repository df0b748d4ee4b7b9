/** The built command as a process: its output, its failures, its end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import net from 'node:net'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import type { ErrorWithReasonCode } from 'mqtt'
import { connectClient, nextMessage } from '../support/clients/mqtt.js'
import { anax, COMMAND, type RunningBroker, RunningProcess, startCommand } from '../support/programs/command.js'
import { ROOT } from '../support/root.js'
import { makeCertificate, type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'

/** CONNECT of MQTT 3.1.1, client id "abcd", and SUBSCRIBE to "a" with QoS 1. */
const CONNECT = Buffer.from('101000044d5154540402003c000461626364', 'hex')
const SUBSCRIBE = Buffer.from('8206000100016101', 'hex')

// The tests mostly wait for processes: run concurrently they take a third of the time.
describe('anax', { concurrency: 4 }, () => {
  let folder: TemporaryFolder
  before(() => {
    folder = temporaryFolder()
  })
  after(() => folder.remove())

  it('prints help and version', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    assert.deepEqual(await anax(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' })
    const { code, stdout, stderr } = await anax(['--help'])
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /^Usage: anax/)
  })

  it('is an executable file', { skip: process.platform === 'win32' && 'Windows has no such mark' }, () => {
    assert.equal(statSync(COMMAND).mode & 0o111, 0o111)
    assert.match(readFileSync(COMMAND, 'utf8'), /^#!\/usr\/bin\/env node\n/)
  })

  it('prints where it listens, what it stores, who may connect and how to try it out', async () => {
    const { process, urls, port } = await startCommand()
    assert.match(process.stdout, /^Anax \S+ is running\n/)
    assert.match(urls.mqtt ?? '', /^mqtt:\/\/127\.0\.0\.1:\d+$/)
    assert.match(urls.ws ?? '', /^ws:\/\/127\.0\.0\.1:\d+$/)
    assert.match(process.stdout, /^ {2}Store +folder anax-data/m)
    assert.match(process.stdout, new RegExp(`npx anax sub -h 127.0.0.1 -p ${port} `))
    await process.stop()
  })

  it('reports a wrong option in one line with a hint, exit code 2', async () => {
    const { code, stdout, stderr } = await anax(['--prot', '1883'])
    assert.deepEqual([code, stdout], [2, ''])
    assert.equal(stderr, "anax: unknown option '--prot'\nTry 'anax --help'.\n")
  })

  it('refuses to listen on public addresses without authentication', async () => {
    const { code, stderr } = await anax(['--host', '0.0.0.0', '--port', '0'])
    assert.equal(code, 2)
    assert.match(stderr, /--allow-anonymous/)
  })

  const withoutProc = process.platform !== 'linux' && 'the limit of open files is read on Linux only'
  it('refuses clients for whom no file descriptor is left, and logs it', { skip: withoutProc }, async () => {
    const limited = ['-c', 'ulimit -n 200 && exec "$0" "$@"', process.execPath, COMMAND]
    const broker = new RunningProcess('sh', [...limited, '--memory', '--port=0', '--ws-port=off', '--admin-port=off'])
    const [url] = await broker.says(/mqtt:\/\/\S+/)
    const clients = await Promise.all(Array.from({ length: 123 }, () => connectClient(url)))
    await assert.rejects(connectClient(url), ({ code }: ErrorWithReasonCode) => code === 3)
    await broker.says(/ANAX_ERR_SERVER_BUSY.*123 clients are connected/)
    for (const client of clients) client.end(true)
    await broker.stop()
  })

  it('reports in one line that a port is in use, exit code 1', async () => {
    const other = net.createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as net.AddressInfo
    const { code, stdout, stderr } = await anax(['--port', `${port}`, '--ws-port', 'off'])
    assert.deepEqual([code, stdout], [1, ''])
    assert.equal(stderr, `anax: Cannot listen: port ${port} of 127.0.0.1 is in use\n`)
    other.close()
  })

  it('reports in one line what is wrong with a file, exit code 1', async () => {
    const text = folder.write('text.pem', 'not a certificate')
    const missing = join(folder.path, 'missing')
    await failsWith(
      ['--tls-port', '0', '--cert', missing, '--key', text],
      /^anax: cannot read .*missing: there is no such file\n$/,
    )
    await failsWith(
      ['--cert', text, '--key', text],
      /^anax: Cannot listen: key or certificate not acceptable \(.*\)\n$/,
    )
    await failsWith(['--password-file', missing], /^anax: cannot read .*missing: there is no such file\n$/)
    await failsWith(['--password-file', text], /^anax: .*text\.pem: line 1 is not a user and a hash\n$/)
    await failsWith(['--config', missing], /^anax: cannot read .*missing: there is no such file\n$/)
  })

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`disconnects all clients on ${signal}: DISCONNECT 0x8B, no new connections, exit code 0`, async () => {
      const { process, urls } = await startCommand()
      const client = await connectClient(urls.mqtt ?? '', { protocolVersion: 5 })
      const told = new Promise<number | undefined>(resolve => {
        client.once('disconnect', packet => resolve(packet.reasonCode))
      })
      const { code } = await process.stop(signal)
      assert.equal(code, 0)
      assert.equal(await told, 0x8b)
      await assert.rejects(connectClient(urls.mqtt ?? ''))
      await client.endAsync(true)
    })
  }

  it('ends immediately on a signal during start, even as the first process of a container', async () => {
    const silent = net.createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as net.AddressInfo
    const starting = new RunningProcess(process.execPath, [
      COMMAND,
      '--port',
      '0',
      '--cluster',
      `nats://127.0.0.1:${port}`,
    ])
    const connected = once(silent, 'connection').then(([socket]: net.Socket[]) => socket)
    const ended = once(starting.child, 'close').then(() => undefined)
    const socket = await Promise.race([connected, ended])
    assert.equal((await starting.stop('SIGTERM')).code, 143)
    socket?.destroy()
    silent.close()
  })

  describe('with a client that does not read', { concurrency: 1 }, () => {
    let broker: RunningBroker
    let frozen: net.Socket

    beforeEach(async () => {
      broker = await startCommand('--log-level', 'debug', '--max-packet-size', '268435460')
      frozen = net.connect({ port: broker.port, host: '127.0.0.1', allowHalfOpen: true })
      frozen.write(Buffer.concat([CONNECT, SUBSCRIBE]))
      await broker.process.says(/subscribed clientId=abcd/)
      frozen.pause()
      const publisher = await connectClient(broker.urls.mqtt ?? '')
      await publisher.publishAsync('a', Buffer.alloc(32 * 1024 * 1024), { qos: 1 })
      await publisher.endAsync()
    })
    afterEach(() => frozen.destroy())

    it('ends within a time limit', async () => {
      assert.equal((await broker.process.stop('SIGTERM')).code, 0)
    })

    it('ends immediately on a second signal', async () => {
      broker.process.child.kill('SIGTERM')
      await broker.process.says(/SIGTERM: stopping/)
      assert.equal((await broker.process.stop('SIGINT')).code, 130)
    })
  })

  it('accepts the users of the password file', async () => {
    const file = join(folder.path, 'users')
    const created = await anax(['passwd', file, 'alice'], 'sécret\n')
    assert.deepEqual([created.code, created.stderr], [0, ''])
    assert.equal(statSync(file).mode & 0o777, 0o600)
    await anax(['passwd', file, 'bob'], 'first\n')
    await anax(['passwd', file, 'bob'], 'second\n')

    const { process, urls } = await startCommand('--password-file', file, '--user', 'carol:third')
    const url = urls.mqtt ?? ''
    for (const [username, password] of [
      ['alice', 'sécret'],
      ['bob', 'second'],
      ['carol', 'third'],
    ] as const) {
      await (await connectClient(url, { username, password })).endAsync()
    }
    for (const wrong of [{ username: 'alice', password: 'x' }, { username: 'bob', password: 'first' }, {}]) {
      await assert.rejects(connectClient(url, { ...wrong, protocolVersion: 5 }), ({ code }: ErrorWithReasonCode) => {
        return code === 0x86
      })
    }
    await process.stop()
  })

  it('accepts clients without a user name with --allow-anonymous', async () => {
    const { process, urls } = await startCommand('--user', 'carol:third', '--allow-anonymous')
    await (await connectClient(urls.mqtt ?? '')).endAsync()
    await assert.rejects(connectClient(urls.mqtt ?? '', { username: 'carol', password: 'x' }))
    await process.stop()
  })

  it('demands client certificates with --ca', async () => {
    const [server, client] = [await makeCertificate(), await makeCertificate('sensor')]
    const files = ['--cert', folder.write('s.crt', server.cert), '--key', folder.write('s.key', server.key)]
    const authority = ['--ca', folder.write('c.crt', client.cert), '--tls-port', '0']
    const { process, urls } = await startCommand(...files, ...authority)
    await (await connectClient(urls.mqtts ?? '', { ca: server.cert, ...client })).endAsync()
    await assert.rejects(connectClient(urls.mqtts ?? '', { ca: server.cert }))
    await process.stop()
  })

  it('listens on a Unix socket', {
    skip: process.platform === 'win32' && 'Windows has named pipes instead',
  }, async () => {
    const { process, urls } = await startCommand('--unix', join(folder.path, 'anax.sock'))
    await (await connectClient(urls['mqtt+unix'] ?? '')).endAsync()
    await process.stop()
  })

  it('logs events, with escaped names of clients', async () => {
    const { process, urls } = await startCommand('--log-level', 'debug', '--presence', 'state')
    const client = await connectClient(urls.mqtt ?? '', { clientId: 'evil\u001b[2J\nid' })
    const presence = nextMessage(client)
    await client.subscribeAsync('$SYS/presence/+')
    const { connected, clientId } = JSON.parse((await presence).payload.toString())
    assert.deepEqual([connected, clientId], [true, 'evil\u001b[2J\nid'])
    await client.subscribeAsync('news')
    const received = nextMessage(client)
    await client.publishAsync('news', 'x')
    await received
    await client.endAsync()
    const { stderr } = await process.stop()
    assert.match(
      stderr,
      /info {2}client connected clientId="evil\\u001b\[2J\\nid" address=127\.0\.0\.1 version=3\.1\.1 keepalive=\d+ clean=true\n/,
    )
    assert.match(stderr, /debug subscribed clientId=.* subscriptions=\[\{"topic":"news","qos":0\}\]\n/)
    assert.match(stderr, /debug published clientId=.* topic=news qos=0 retain=false bytes=1\n/)
    assert.match(
      stderr,
      /info {2}client disconnected clientId=.* reason=client reasonCode=0 detail="the client disconnected"\n/,
    )
  })

  it('continues when its output is no longer read', async () => {
    const { process, urls } = await startCommand()
    process.child.stderr?.destroy()
    process.child.stdout?.destroy()
    for (let count = 0; count < 3; count++) await (await connectClient(urls.mqtt ?? '')).endAsync()
    assert.equal((await process.stop()).code, 0)
  })

  async function failsWith(args: string[], message: RegExp): Promise<void> {
    const { code, stdout, stderr } = await anax(['--port', '0', '--ws-port', 'off', ...args])
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, message)
  }
})
