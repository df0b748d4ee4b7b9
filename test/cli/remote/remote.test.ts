/** `anax status`, `anax clients` and `anax kick` as processes, on the administration of a broker of the test. */
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { tokenIn } from '../../../lib/cli/broker/admin-token.js'
import { clientsCommand } from '../../../lib/cli/remote/clients.js'
import { statusText } from '../../../lib/cli/remote/status.js'
import { createBroker } from '../../../lib/index.js'
import { MemoryCluster } from '../../../lib/testing/cluster.js'
import { AdminServer } from '../../admin/admin-server.js'
import { connectTo } from '../../support/brokers/several.js'
import { anax } from '../../support/programs/command.js'
import { type TemporaryFolder, temporaryFolder } from '../../support/tls/certificate.js'

describe('anax status, clients and kick', { concurrency: 4 }, () => {
  let server: AdminServer
  let at: string[]
  let folder: TemporaryFolder

  before(async () => {
    folder = temporaryFolder()
    server = await AdminServer.start()
    at = ['-L', `http://127.0.0.1:${server.port}/?token=${server.admin.token}`]
    for (let number = 0; number < 1200; number++)
      await connectTo(server.broker, `pump-${String(number).padStart(4, '0')}`)
    await connectTo(server.broker, 'odd\x1b[2J', { username: 'eve' })
  })
  after(async () => {
    await server.close()
    folder.remove()
  })

  it('print statistics, as text and as JSON', async () => {
    const [text, json] = await Promise.all([anax(['status', ...at]), anax(['status', ...at, '--json'])])
    assert.deepEqual([text.code, text.stderr], [0, ''])
    assert.match(text.stdout, /^Running for +\d+ s\nClients +\d+ connected, \d+ at most; \d+ connections\n/)
    assert.equal(JSON.parse(json.stdout).startedAt, server.broker.stats().startedAt)
  })

  it('list clients over several pages, and the requested ones', async () => {
    const [all, some, one] = await Promise.all([
      anax(['clients', ...at, '-q']),
      anax(['clients', ...at, 'pump-110', '--limit', '3', '--json']),
      anax(['clients', ...at, '--user', 'eve']),
    ])
    assert.ok(all.stdout.trimEnd().split('\n').length >= 1200)
    const ids = some.stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line).clientId)
    assert.deepEqual(ids, ['pump-1100', 'pump-1101', 'pump-1102'])
    const [head, row, ...rest] = one.stdout.trimEnd().split('\n')
    assert.match(head!, /^CLIENT +USER +ADDRESS +MQTT +STATE +SUBSCRIPTIONS +QUEUED +DROPS$/)
    assert.match(row!, /^odd\\u001b\[2J +eve +- +5\.0 +connected +0 +0 +0$/)
    assert.deepEqual(rest, [])
  })

  it('sort clients by a number, the largest first', async () => {
    const slow = await connectTo(server.broker, 'slow', { properties: { receiveMaximum: 1 } })
    await slow.subscribe({ topic: 'much', qos: 1 })
    for (let number = 0; number < 3; number++) await server.broker.publish({ topic: 'much', payload: 'x', qos: 1 })
    const { stdout } = await anax(['clients', ...at, '--top', 'waiting'])
    const [head, row, ...rest] = stdout.trimEnd().split('\n')
    assert.match(head!, / +QUEUED +DROPS +IN\/S +OUT\/S$/)
    assert.match(row!, /^slow +- +- +5\.0 +connected +1 +2 +0 +\S+ +\S+$/)
    assert.deepEqual(rest, [])
    assert.throws(() => clientsCommand(['--top', 'size']), /--top takes one of received, sent, waiting, drops/)
    assert.throws(() => clientsCommand(['--top', 'sent', 'pump-']), /--top looks at all connected clients/)
    await slow.drop()
  })

  it('kick clients, and print which of them were not connected', async () => {
    // clients of other tests connect and disconnect meanwhile
    const gone = new Promise<string>(resolve => {
      server.broker.on('clientDisconnect', ({ id }, { reason }) => id === 'pump-0007' && resolve(reason))
    })
    const { code, stdout, stderr } = await anax(['kick', ...at, '--reason', 'maintenance', 'pump-0007', 'nobody'])
    assert.deepEqual([code, stdout, stderr], [1, '', 'anax: not connected: "nobody"\n'])
    assert.equal(await gone, 'administrative')
  })

  it('print errors in one line', async () => {
    const url = `http://127.0.0.1:${server.port}`
    const [wrong, none, elsewhere] = await Promise.all([
      anax(['status', '-L', url, '--token', 'another-token-of-mine']),
      anax(['status', '-L', url]),
      anax(['kick', '-L', 'http://127.0.0.1:9', '--token', 'x', 'y']),
    ])
    assert.deepEqual([wrong.code, wrong.stderr], [1, `anax: ${url} does not accept this token\n`])
    assert.match(none.stderr, /^anax: the token of the administration is needed: --token, .*\n$/)
    assert.match(elsewhere.stderr, /^anax: no administration at http:\/\/127\.0\.0\.1:9: .*\n$/)
  })

  it("find the token in the broker's file", async () => {
    const file = join(folder.path, 'new', 'admin-token')
    const token = tokenIn(file)
    assert.equal(tokenIn(file), token)
    assert.equal(readFileSync(file, 'utf8'), `${token}\n`)
    if (process.platform !== 'win32') assert.equal(statSync(file).mode & 0o777, 0o600)
    const own = folder.write('own', `${server.admin.token}\n`)
    const { code } = await anax(['status', '-L', `http://127.0.0.1:${server.port}`, '--token-file', own])
    assert.equal(code, 0)
    assert.throws(() => tokenIn(folder.write('bad', 'short')), /has no token/)
  })
})

it('the statistics of a broker are printed in words', async () => {
  const broker = await createBroker()
  await broker.publish({ topic: 'a', payload: 'four', retain: true })
  const text = statusText({ ...broker.stats(), uptimeMs: 90_061_000 })
  assert.match(text, /^Running for +1 d 1 h\n/)
  assert.match(text, /^Retained +1 messages, 4 B\n/m)
  assert.match(text, /^Dropped +none\n/m)
  await broker.close()
})

it('the status of a node lists the other nodes, and does not count shared data', async () => {
  const cluster = new MemoryCluster()
  await using other = await createBroker({ id: 'two', cluster })
  await using broker = await createBroker({ id: 'one', cluster })
  await other.publish({ topic: 't', payload: 'kept', retain: true })
  const text = statusText(broker.stats())
  assert.match(text, /^Retained +unknown messages, unknown\n/m)
  assert.match(text, /^Cluster +one \(this one\), two; 0 client identifiers here, 0 messages to read, leases lost 0\n/m)
})
