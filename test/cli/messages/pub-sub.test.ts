/** `anax pub` and `anax sub` as processes, on a broker of the test: everyday use, outages, and how they end. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { after, before, describe, it } from 'node:test'
import { createBroker } from '../../../lib/index.js'
import { createServer, type Server } from '../../../lib/server/server.js'
import type { Broker } from '../../../types/broker/broker.js'
import { anax, COMMAND, RunningProcess } from '../../support/programs/command.js'
import { makeCertificate, type TemporaryFolder, temporaryFolder } from '../../support/tls/certificate.js'

describe('anax pub and anax sub', { concurrency: 4 }, () => {
  let broker: Broker
  let server: Server
  let folder: TemporaryFolder
  let at: string[]
  let tls: string[]

  before(async () => {
    folder = temporaryFolder()
    const { cert, key } = await makeCertificate()
    folder.write('cert.pem', cert)
    broker = await createBroker({
      authenticate: (_client, username, password) => username !== 'alice' || password?.toString() === 'secret',
      authorizePublish: (_client, { topic }) => topic !== 'forbidden',
    })
    server = await createServer(broker, [
      { transport: 'tcp', host: '127.0.0.1', port: 0 },
      { transport: 'tls', host: '127.0.0.1', port: 0, tls: { cert, key } },
    ])
    const [plain, secure] = server.addresses
    at = ['-p', String(plain?.port)]
    tls = ['-h', 'localhost', '-p', String(secure?.port)]
  })
  after(async () => {
    await server.close()
    await broker.close()
    folder.remove()
  })

  /** Resolves when a filter is granted to any client; tests run concurrently, each with its own filters. */
  function granted(filter: string): Promise<void> {
    return new Promise(resolve => {
      const onSubscribe = (subscriptions: { topic: string }[]) => {
        if (!subscriptions.some(({ topic }) => topic === filter)) return
        broker.off('subscribe', onSubscribe)
        resolve()
      }
      broker.on('subscribe', onSubscribe)
    })
  }

  /** A subscriber whose subscription is granted. */
  async function subscriber(filter: string, ...args: string[]): Promise<RunningProcess> {
    const isGranted = granted(filter)
    const started = new RunningProcess(process.execPath, [COMMAND, 'sub', ...at, '-t', filter, ...args])
    await Promise.race([isGranted, started.finished()])
    return started
  }

  it('publish lines of the input, in order and acknowledged, and print them', async () => {
    const reader = await subscriber('lines/#', '-v', '-q', '2', '-C', '250')
    const lines = Array.from({ length: 250 }, (_, number) => `line ${number}`)
    const published = await anax(['pub', ...at, '-t', 'lines/a', '-l', '-q', '2'], `${lines.join('\n')}\n`)
    assert.deepEqual(published, { code: 0, stdout: '', stderr: '' })
    const { code, stdout } = await reader.finished()
    assert.equal(code, 0)
    assert.deepEqual(
      stdout.trimEnd().split('\n'),
      lines.map(line => `lines/a ${line}`),
    )
  })

  it('publish properties and retained messages, and print them as JSON', async () => {
    const properties = ['--user-property', 'unit=C', '--content-type', 'text/plain', '--expiry', '60']
    await anax(['pub', ...at, '-t', 'json/a', '-m', '-5', '-r', '-q', '1', ...properties])
    const { code, stdout } = await anax(['sub', ...at, '-t', 'json/#', '-C', '1', '-o', 'json', '-q', '1'])
    const { time, properties: received, ...message } = JSON.parse(stdout)
    assert.equal(code, 0)
    assert.ok(!Number.isNaN(Date.parse(time)))
    assert.deepEqual(message, { topic: 'json/a', qos: 1, retain: true, encoding: 'json', payload: -5 })
    assert.deepEqual([received.userProperties, received.contentType], [{ unit: 'C' }, 'text/plain'])
    await anax(['pub', ...at, '-t', 'json/a', '-n', '-r'])
    for await (const { topic } of broker.retained('json/a')) assert.fail(topic)
  })

  it('connect with MQTT 3.1.1, and with TLS that they trust', async () => {
    await anax(['pub', ...tls, '--ca', `${folder.path}/cert.pem`, '-t', 'tls/a', '-m', 'safe', '-r', '-q', '1'])
    const older = await anax(['sub', ...at, '-V', '3.1.1', '-t', 'tls/a', '-C', '1', '-o', 'hex'])
    assert.deepEqual([older.code, older.stdout], [0, '73616665\n'])
    const distrusted = await anax(['sub', ...tls, '--tls', '-t', 'tls/a', '-C', '1'])
    assert.equal(distrusted.code, 1)
    assert.match(
      distrusted.stderr,
      /^anax: cannot connect to mqtts:.*: its certificate is not trusted\. Give --ca FILE.*\n$/,
    )
  })

  it('report in one line why they cannot connect', async () => {
    const closed = net.createServer().listen(0, '127.0.0.1')
    await once(closed, 'listening')
    const { port } = closed.address() as net.AddressInfo
    closed.close()
    const nobody = await anax(['pub', '-p', String(port), '-t', 'a', '-m', 'x'])
    assert.deepEqual(nobody, {
      code: 1,
      stdout: '',
      stderr: `anax: cannot connect to mqtt://127.0.0.1:${port}: nothing listens there\n`,
    })
    const refused = await anax(['sub', ...at, '-u', 'alice', '-P', 'wrong', '-t', 'a'])
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /^anax: mqtt:\/\/127\.0\.0\.1:\d+: .*0x87.*\n$/)
    const forbidden = await anax(['pub', ...at, '-t', 'forbidden', '-m', 'x', '-q', '1'])
    assert.equal(forbidden.code, 1)
    assert.match(forbidden.stderr, /^anax: .*forbidden, 0x87.*\n$/)
  })

  it('disconnect properly on a signal, at the end of their time, and when nobody reads their output', async () => {
    const interrupted = await subscriber('end/signal', '-i', 'interrupted')
    const left: string[] = []
    broker.on('clientDisconnect', ({ id }, { reason }) => id === 'interrupted' && left.push(reason))
    assert.deepEqual(await interrupted.stop('SIGINT'), { code: 130, stdout: '', stderr: '' })
    assert.deepEqual(left, ['client'])
    const [enough, tooFew] = await Promise.all([
      anax(['sub', ...at, '-t', 'end/time', '-W', '1']),
      anax(['sub', ...at, '-t', 'end/time', '-W', '1', '-C', '1']),
    ])
    assert.deepEqual([enough.code, tooFew.code], [0, 3])
    const piped = await subscriber('end/pipe')
    piped.child.stdout?.destroy()
    const gone = piped.finished()
    const publishing = setInterval(() => broker.publish({ topic: 'end/pipe', payload: 'x' }), 20)
    const { code, stderr } = await gone
    clearInterval(publishing)
    assert.deepEqual([code, stderr], [0, ''])
  })

  it('reconnect and resubscribe after an outage', async () => {
    const reader = await subscriber('again/#', '-i', 'again', '-C', '1')
    const again = granted('again/#')
    await broker.disconnect('again')
    await reader.says(/Connecting again in 1 s/)
    await again
    await broker.publish({ topic: 'again/a', payload: 'there' })
    assert.equal((await reader.finished()).stdout, 'there\n')
  })

  it('do not reconnect after another client has taken over their identifier', async () => {
    const first = await subscriber('taken/a', '-i', 'taken')
    const second = await subscriber('taken/b', '-i', 'taken')
    const { code, stderr } = await first.finished()
    assert.deepEqual([code, stderr], [1, "anax: another client has connected as 'taken'\n"])
    await second.stop()
  })

  it('leave messages that were not printed in the stored session', async () => {
    const kept = ['-i', 'worker', '-c', '-q', '1', '-t', 'jobs']
    const first = await anax(['sub', ...at, ...kept, '-W', '1'])
    assert.equal(first.code, 0)
    for (const payload of ['one', 'two', 'three']) await broker.publish({ topic: 'jobs', payload, qos: 1 })
    assert.equal((await anax(['sub', ...at, ...kept, '-C', '1'])).stdout, 'one\n')
    assert.equal((await anax(['sub', ...at, ...kept, '-C', '2'])).stdout, 'two\nthree\n')
  })
})
