/** The broker's log: lines, fields, repetitions; a disabled level costs nothing. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { type LoggerOptions, pino } from 'pino'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import { type Broker, createBroker } from '../../lib/index.js'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import type { Client } from '../../types/client/client.js'
import type { Cluster, ClusterEvents } from '../../types/cluster.js'
import type { LogLevel } from '../../types/logger.js'
import { SpecClient } from '../support/clients/spec-client.js'

type Line = Record<string, unknown> & { msg: string }

/** The output of a real pino. */
function logged(options: LoggerOptions = {}) {
  const lines: Line[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      const { time: _time, pid: _pid, hostname: _host, ...line } = JSON.parse(String(chunk))
      lines.push(line)
      done()
    },
  })
  return { lines, logger: pino(options, stream) }
}

async function withLog(
  { level = 'info', ...options }: LoggerOptions & { level?: LogLevel },
  body: (scene: { broker: Broker; lines: Line[]; clock: FakeClock }) => Promise<void>,
  more: BrokerOptions = {},
): Promise<Line[]> {
  const { lines, logger } = logged({ level, ...options })
  const clock = new FakeClock()
  const broker = await createBroker({ logger, clock, ...more })
  await body({ broker, lines, clock })
  const closing = broker.close()
  await clock.advance(60_000)
  await closing
  return lines
}

describe('the log', () => {
  it('logs connects and disconnects with their reason, with identifier and address as bindings', async () => {
    const lines = await withLog({}, async ({ broker }) => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId: 'pump', username: 'alice', keepalive: 30 })
      await client.disconnect()
      const kicked = new SpecClient(broker, 4)
      await kicked.connect({ clientId: 'valve' })
      await broker.disconnect('valve')
      await kicked.closed()
    })
    const gone = { level: 30, msg: 'client disconnected' }
    assert.deepEqual(lines, [
      {
        level: 30,
        clientId: 'pump',
        version: '5.0',
        username: 'alice',
        keepalive: 30,
        clean: true,
        msg: 'client connected',
      },
      { ...gone, clientId: 'pump', reason: 'client', reasonCode: 0, detail: 'the client disconnected' },
      { level: 30, clientId: 'valve', version: '3.1.1', keepalive: 0, clean: true, msg: 'client connected' },
      {
        ...gone,
        clientId: 'valve',
        reason: 'administrative',
        code: 'ANAX_ERR_KICKED',
        reasonCode: 0x98,
        detail: lines[3]?.detail,
      },
    ])
  })

  it('logs the authenticated user of a client with another user name', async () => {
    const authenticate = (client: Client) => {
      client.principal = 'bob'
      return true
    }
    const connect = async ({ broker }: { broker: Broker }) => {
      for (const username of ['alice', 'bob']) await new SpecClient(broker, 5).connect({ clientId: username, username })
    }
    const lines = await withLog({}, connect, { authenticate })
    const told = lines.filter(({ msg }) => msg === 'client connected')
    assert.deepEqual(
      told.map(({ username, principal }) => [username, principal]),
      [
        ['alice', 'bob'],
        ['bob', undefined],
      ],
    )
  })

  it('has no warning for connections that are reset before their first byte, as by health checks', async () => {
    const lines = await withLog({ level: 'debug' }, async ({ broker }) => {
      for (const bytes of ['', '10']) {
        const [near, far] = duplexPair()
        broker.handle(far, undefined, { address: '203.0.113.7' })
        near.write(Buffer.from(bytes, 'hex'))
        await new Promise(setImmediate)
        const reported = once(broker, 'connectionError')
        far.destroy(new Error('read ECONNRESET'))
        await reported
      }
    })
    assert.deepEqual(
      lines.filter(({ code }) => code === 'ANAX_ERR_STREAM').map(({ level, address, msg }) => [level, address, msg]),
      [
        [20, '203.0.113.7', 'connection reset before its first byte'],
        [40, '203.0.113.7', 'connection refused'],
      ],
    )
  })

  it('logs a failure once, and then how often it was repeated', async () => {
    const authorizePublish = () => false
    const lines = await withLog(
      { level: 'warn' },
      async ({ broker, clock }) => {
        const client = new SpecClient(broker, 5)
        await client.connect({ clientId: 'pump' })
        for (let count = 0; count < 5; count++) await client.publish({ topic: 'a', qos: 1 })
        const other = new SpecClient(broker, 5)
        await other.connect({ clientId: 'valve' })
        await other.publish({ topic: 'a', qos: 1 })
        await clock.advance(5000)
        await client.publish({ topic: 'a', qos: 1 })
        await client.publish({ topic: 'a', qos: 1 })
      },
      { authorizePublish },
    )
    const refused = lines.filter(({ msg }) => msg === 'publish refused')
    assert.deepEqual(
      refused.map(({ clientId, code, topic, repeated }) => [clientId, code, topic, repeated]),
      [
        ['pump', 'ANAX_ERR_PUBLISH_REFUSED', 'a', undefined],
        ['valve', 'ANAX_ERR_PUBLISH_REFUSED', 'a', undefined],
        ['pump', 'ANAX_ERR_PUBLISH_REFUSED', 'a', 4],
        ['pump', 'ANAX_ERR_PUBLISH_REFUSED', 'a', undefined],
        ['pump', 'ANAX_ERR_PUBLISH_REFUSED', 'a', 1],
      ],
    )
  })

  it('tells clients of one address apart that make different mistakes, as behind a proxy', async () => {
    const lines = await withLog({ level: 'warn' }, async ({ broker, clock }) => {
      for (const bytes of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\0\xf8', '\x16\x03\x01\0\xf8']) {
        const [near, far] = duplexPair()
        const reported = once(broker, 'connectionError')
        broker.handle(far, undefined, { address: '172.17.0.1' })
        near.on('error', () => {}).write(Buffer.from(bytes, 'latin1'))
        await reported
      }
      await clock.advance(5000)
    })
    const hints = lines.map(({ error, repeated }) => [/may speak (\w+)/.exec(String(error))?.[1], repeated])
    assert.deepEqual(hints, [
      ['HTTP', undefined],
      ['TLS', undefined],
      ['TLS', 1],
    ])
  })

  it('stays within bounds when a thousand different things go wrong', async () => {
    const lines = await withLog({ level: 'warn' }, async ({ broker }) => {
      for (let count = 0; count < 1010; count++) {
        const message = { topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false, cmd: 'publish' } as const
        broker.emit('drop', { clientId: `c${count}`, reason: 'queue-full', message: message as never })
      }
    })
    assert.equal(lines.length, 1001)
    assert.deepEqual(lines.at(-1), { level: 40, repeated: 10, msg: 'further problems' })
  })

  it("contains the error if the application's code fails", async () => {
    const authorizeSubscribe = () => {
      throw new Error('the database is down')
    }
    const lines = await withLog(
      { level: 'error' },
      async ({ broker }) => {
        const client = new SpecClient(broker, 5)
        await client.connect({ clientId: 'pump' })
        await client.subscribe({ topic: 'a', qos: 0 })
      },
      { authorizeSubscribe },
    )
    const [{ err, ...line } = {} as Line] = lines
    assert.deepEqual(line, {
      ...{
        level: 50,
        clientId: 'pump',
        reason: 'authorizeSubscribe',
        code: 'ANAX_ERR_HOOK_FAILED',
        msg: 'hook failed',
      },
    })
    assert.match((err as Error).stack ?? '', /the database is down/)
  })

  it('logs each message and subscription at level debug', async () => {
    const lines = await withLog({ level: 'debug' }, async ({ broker }) => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId: 'pump' })
      await client.subscribe({ topic: 'a', qos: 1 })
      await client.publish({ topic: 'b', qos: 1, payload: Buffer.from('xyz') })
      await broker.publish({ topic: 'c' })
    })
    const debug = { level: 20, clientId: 'pump' }
    assert.deepEqual(
      lines.filter(({ level }) => level === 20),
      [
        { ...debug, subscriptions: [{ topic: 'a', qos: 1 }], msg: 'subscribed' },
        { ...debug, topic: 'b', qos: 1, retain: false, bytes: 3, msg: 'published' },
        { level: 20, topic: 'c', qos: 0, retain: false, bytes: 0, msg: 'published' },
      ],
    )
  })

  it('contains no secrets, and values that pino redacts are not repeated elsewhere', async () => {
    const redact = ['username', 'topic', 'subscriptions[*].topic', 'error']
    const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl'
    const lines = await withLog(
      { level: 'debug', redact },
      async ({ broker }) => {
        const client = new SpecClient(broker, 5)
        await client.connect({ clientId: 'pump', username: 'alice', password: Buffer.from('wonderland') })
        await client.publish({ topic: 'private/a', qos: 1, payload: Buffer.from('payload') })
        await client.subscribe({ topic: 'private/a', qos: 1 })
        const refused = await client.publish({ topic: 'private/no', qos: 1, payload: Buffer.from('payload') })
        assert.equal(refused, 0x87)
      },
      { authorizePublish: (_client, { topic }) => topic !== 'private/no' },
    )
    assert.doesNotMatch(JSON.stringify(lines), /alice|wonderland|private|payload/)
    const others = await withLog({}, async ({ broker }) => {
      const client = new SpecClient(broker, 5)
      await client.connect({ clientId: 'pump', username: token })
    })
    assert.equal(others[0]?.username, '(a token)')
  })

  it('names the node of a cluster in each line, also that its clock is wrong', async () => {
    const engine = new MemoryCluster()
    let told: ClusterEvents | undefined
    const cluster: Cluster = {
      join: request => {
        told = request.events
        return engine.join(request)
      },
    }
    const heard: number[] = []
    const lines = await withLog(
      {},
      async ({ broker }) => {
        const client = new SpecClient(broker, 5)
        await client.connect({ clientId: 'pump' })
        broker.on('clockWrong', aheadMs => heard.push(aheadMs))
        told!.clockWrong(-6000)
        told!.membership({ node: 'other', change: 'lost' })
        await client.disconnect()
      },
      { id: 'node-1', cluster },
    )
    assert.deepEqual(heard, [-6000])
    assert.deepEqual(
      lines.map(({ msg, brokerId, clientId, node, aheadMs }) => ({ msg, brokerId, clientId, node, aheadMs })),
      [
        { msg: 'client connected', brokerId: 'node-1', clientId: 'pump', node: undefined, aheadMs: undefined },
        { msg: 'clock wrong', brokerId: 'node-1', clientId: undefined, node: undefined, aheadMs: -6000 },
        { msg: 'cluster changed', brokerId: 'node-1', clientId: undefined, node: 'other', aheadMs: undefined },
        { msg: 'client disconnected', brokerId: 'node-1', clientId: 'pump', node: undefined, aheadMs: undefined },
      ],
    )
  })

  const EVENTS = ['storeError', 'drop', 'client', 'publish'] as const
  const LISTENED: Record<LogLevel | 'silent', readonly string[]> = {
    silent: [],
    error: EVENTS.slice(0, 1),
    warn: EVENTS.slice(0, 2),
    info: EVENTS.slice(0, 3),
    debug: EVENTS,
  }

  for (const [level, listened] of Object.entries(LISTENED)) {
    it(`has listeners only for the lines of level ${level}`, async () => {
      await withLog({ level: level as LogLevel }, async ({ broker }) => {
        assert.deepEqual(
          EVENTS.filter(event => broker.listenerCount(event) > 0),
          listened,
        )
      })
    })
  }

  it('continues if the logger throws', async () => {
    const broken = () => {
      throw new Error('the disk is full')
    }
    const logger = { error: broken, warn: broken, info: broken, debug: broken, child: () => logger } as never
    const warnings: string[] = []
    const listener = ({ message }: Error) => warnings.push(message)
    process.on('warning', listener)
    const broker = await createBroker({ logger })
    const client = new SpecClient(broker, 5)
    assert.equal((await client.connect()).reasonCode, 0)
    await client.expectNothing()
    await broker.close()
    process.off('warning', listener)
  })
})
