/**
 * docs/security/limits.md: every row is an option with this default and a flag of the command; and the effects of the
 * limits.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { resolveOptions } from '../../lib/broker/options.js'
import { LIMITS } from '../../lib/cli/options/limits.js'
import { OPTIONS } from '../../lib/cli/options/options.js'
import { USAGE } from '../../lib/cli/options/usage.js'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import { AnaxError, createBroker, type ErrorCode, ReasonCode } from '../../lib/index.js'
import type { ProtocolVersion } from '../../types/message/packets.js'
import type { SpecClient } from '../support/clients/spec-client.js'
import { LARGE_MACHINE } from '../support/memory.js'
import { keptSession, spec } from '../support/spec.js'

const ALL: ProtocolVersion[] = [3, 4, 5]

const page = readFileSync(new URL('../../../docs/security/limits.md', import.meta.url), 'utf8')

interface Row {
  option: string
  standard: string
  flag: string
  told: string
  event: string
  counter: string
}

const rows: Row[] = [
  ...page.matchAll(/^\| `(\w+)` +\| `([^`]+)` +\| `--([\w-]+)` +\| (.*?) +\| (.*?) +\| (.*?) +\|/gm),
].map(([, option, standard, flag, told, event, counter]) => {
  return { option, standard, flag, told, event, counter } as Row
})

/** Numbers that do not limit what clients can make the broker hold: time limits, and settings. */
const NO_LIMITS = new Set([
  ...['leaseMs', 'concurrency', 'connectTimeout', 'hookTimeoutMs', 'storeTimeoutMs', 'drainTimeout', 'closeTimeoutMs'],
  ...['maximumQoS', 'sysInterval'],
])

/** One of them depends on the version: 23 in MQTT 3.1. */
const options: Record<string, unknown> = { ...resolveOptions({}, LARGE_MACHINE), maxClientsIdLength: 65_535 }

/** The words in backquotes. */
function codesIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
}

describe('docs/security/limits.md', () => {
  it('has a row for every numeric limit of the broker, and no other', () => {
    const limits = Object.keys(options).filter(name => typeof options[name] === 'number' && !NO_LIMITS.has(name))
    assert.deepEqual(rows.map(({ option }) => option).toSorted(), limits.toSorted())
  })

  it('has the flag of the command for each', () => {
    assert.deepEqual(
      rows.map(({ flag, option }) => [flag, option]).toSorted(),
      Object.entries(LIMITS)
        .map(([flag, [option]]) => [flag, option])
        .toSorted(),
    )
    for (const { flag } of rows) assert(Object.hasOwn(OPTIONS, flag), flag)
  })

  it('has the defaults of the broker, which the help of the command repeats', () => {
    for (const { option, standard, flag } of rows) {
      assert.equal(String(options[option]), standard, option)
      const shown = standard === 'Infinity' || standard === '4294967295' ? 'no limit' : standard
      assert.match(USAGE, new RegExp(`--${flag} N .*\\[${shown}\\]$`, 'm'))
    }
  })

  it('names only packets and reason codes that exist', () => {
    const codes = new Set<number>(Object.values(ReasonCode))
    for (const { told, option } of rows) {
      for (const [, packet, code] of told.matchAll(/([A-Z]{4,}) (0x[0-9A-F]{2})/g)) {
        assert(['CONNACK', 'DISCONNECT', 'SUBACK', 'PUBACK'].includes(packet!), option)
        assert(codes.has(Number(code)), `${option}: ${code}`)
      }
    }
  })

  it('names only events and errors that exist, and errors with the reason code of their row', () => {
    const events = readFileSync(new URL('../../../types/broker/events.ts', import.meta.url), 'utf8')
    for (const { option, event, told } of rows) {
      const [name, code] = codesIn(event)
      if (name === undefined) assert.equal(event, 'none', option)
      else assert.match(events, new RegExp(`^  ${name}: \\[`, 'm'), `${option}: ${name}`)
      if (code === undefined) continue
      const { reasonCode } = new AnaxError(code as ErrorCode)
      if (told.includes('0x')) assert(told.toLowerCase().includes(reasonCode.toString(16)), `${option}: ${code}`)
    }
  })

  it('names only drop reasons and broker.stats() fields that exist', async () => {
    const broker = await createBroker()
    const stats = broker.stats()
    for (const { option, counter } of rows) {
      const [name] = codesIn(counter)
      if (name === undefined) {
        assert.equal(counter, 'none', option)
        continue
      }
      const found = name.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)?.[key], stats)
      assert(Object.hasOwn(stats.drops, name) || found !== undefined, `${option}: ${name}`)
    }
    await broker.close()
  })
})

spec(
  'a SUBSCRIBE with too many filters ends the connection',
  ALL,
  async ({ connect, version }) => {
    const client = await connect('client')
    const subscriptions = ['a', 'b', 'c', 'd'].map(topic => ({ topic, qos: 0 as const }))
    assert.equal((await client.subscribe(...subscriptions.slice(0, 3))).length, 3)
    client.send({ cmd: 'subscribe', messageId: 2, subscriptions })
    if (version === 5) await client.expectDisconnect(0x97)
    else await client.closed()
  },
  { maxFiltersPerPacket: 3 },
)

spec(
  'a stored session above the limit is refused, and no other is ended',
  ALL,
  async ({ connect, dial, version }) => {
    const kept = keptSession(version)
    const first = await connect('first', kept)
    await first.disconnect()
    const answer = await dial().connect({ clientId: 'second', ...kept })
    assert.equal(version === 5 ? answer.reasonCode : answer.returnCode, version === 5 ? 0x97 : 3)
    await connect('without')
    await connect('first', kept)
  },
  { maxSessions: 1 },
)

spec(
  'a CONNECT with too many user properties is refused',
  [5],
  async ({ dial }) => {
    const userProperties = { one: ['1', '2'], two: '3' }
    const answer = await dial().connect({ clientId: 'c', properties: { userProperties } })
    assert.equal(answer.reasonCode, 0x97)
  },
  { maxUserProperties: 2 },
)

spec(
  'connections without CONNECT count',
  [5],
  async ({ broker }) => {
    const told: string[] = []
    broker.on('connectionError', (_client, { code }) => told.push(code))
    const streams = Array.from({ length: 30 }, () => duplexPair())
    for (const [, server] of streams) broker.handle(server)
    assert.deepEqual(told, Array(4).fill('ANAX_ERR_SERVER_BUSY'))
    assert.equal(streams.filter(([, server]) => server.destroyed).length, 4)
    for (const [client] of streams) client.destroy()
  },
  { maxConnections: 10 },
)

spec(
  'stored sessions have a limit in bytes, for which names and filters count',
  ALL,
  async ({ broker, connect, dial, version }) => {
    const kept = keptSession(version)
    const first = await connect('1234567890', kept)
    assert.deepEqual(await first.subscribe({ topic: 'a'.repeat(30), qos: 1 }, { topic: 'b'.repeat(61), qos: 1 }), [
      1,
      version === 5 ? 0x97 : 0x80,
    ])
    assert.deepEqual(
      await first.subscribe({ topic: 'a'.repeat(30), qos: 0 }, { topic: 'b'.repeat(55), qos: 1 }),
      [0, 1],
    )
    const answer = await dial().connect({ clientId: '123456', ...kept })
    assert.equal(version === 5 ? answer.reasonCode : answer.returnCode, version === 5 ? 0x97 : 3)
    await connect('not stored')
    await first.disconnect()
    await broker.deleteSession('1234567890')
    await connect('123456', kept)
  },
  { maxSessionBytes: 100 },
)

const will = (bytes: number, willDelayInterval?: number) => ({
  topic: 'will',
  payload: Buffer.alloc(bytes - 4),
  qos: 0 as const,
  retain: false,
  ...(willDelayInterval !== undefined && { properties: { willDelayInterval } }),
})

spec(
  'wills have limits for number and bytes, and one above them is refused',
  ALL,
  async ({ broker, connect, dial, version }) => {
    const quota = version === 5 ? 0x97 : 3
    const refused = async (clientId: string, bytes: number) => {
      const answer = await dial().connect({ clientId, will: will(bytes) })
      assert.equal(version === 5 ? answer.reasonCode : answer.returnCode, quota)
    }
    const first = await connect('first', { will: will(50) })
    await refused('second', 51)
    await connect('second', { will: will(50) })
    await refused('third', 4)
    await connect('third')
    assert.deepEqual(broker.stats().wills, { messages: 2, bytes: 100 })
    await refused('first', 51)
    await first.closed()
    await connect('first', { will: will(50) })
    assert.deepEqual(broker.stats().wills, { messages: 2, bytes: 100 })
  },
  { maxWills: 2, maxWillBytes: 100 },
)

spec(
  'delayed wills count until they are published, and their delay has a limit',
  [5],
  async ({ broker, clock, connect, dial }) => {
    const kept = keptSession(5)
    const watcher = await connect('watcher')
    await watcher.subscribe({ topic: 'will', qos: 0 })
    await (await connect('first', { ...kept, will: will(50, 1000) })).drop()
    assert.deepEqual(broker.stats().wills, { messages: 1, bytes: 50 })
    assert.equal((await dial().connect({ clientId: 'second', will: will(4) })).reasonCode, 0x97)
    await clock.advance(59_000)
    await watcher.expectNothing()
    await clock.advance(1100)
    assert.equal((await watcher.expect('publish')).payload.length, 46)
    assert.deepEqual(broker.stats().wills, { messages: 0, bytes: 0 })
    await connect('second', { will: will(4) })
  },
  { maxWills: 1, maxWillDelay: 60 },
)

spec(
  'of clients with incomplete packets, the one with the most bytes is disconnected',
  ALL,
  async ({ broker, connect, version }) => {
    const told: string[] = []
    broker.on('clientError', ({ id }, { code }) => told.push(`${id} ${code}`))
    const [small, large, last] = [await connect('small'), await connect('large'), await connect('last')]
    const begin = (client: SpecClient, bytes: number) =>
      client.stream.write(Buffer.concat([Buffer.from('30ffff03', 'hex'), Buffer.alloc(bytes)]))
    begin(small, 3000)
    begin(large, 6000)
    await small.stream.write(Buffer.alloc(500))
    begin(last, 1000)
    if (version === 5) await large.expectDisconnect(0x97)
    else await large.closed()
    assert.deepEqual(told, ['large ANAX_ERR_QUOTA'])
    assert.deepEqual([small.isClosed, last.isClosed], [false, false])
    begin(await connect('next'), 5000)
    const packets = Array.from({ length: 100 }, () => 'c000').join('')
    const other = await connect('other')
    other.sendBytes(packets)
    for (let i = 0; i < 100; i++) await other.expect('pingresp')
    assert.equal(told.length, 1)
  },
  { maxIncompleteBytes: 10_000 },
)
