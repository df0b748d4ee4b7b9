/** docs/limits.md: every row is an option with this default and a flag of the command; and what the limits do. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { resolveOptions } from '../../lib/broker/options.js'
import { LIMITS } from '../../lib/cli/options/limits.js'
import { USAGE } from '../../lib/cli/options/usage.js'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import type { ProtocolVersion } from '../../types/packets.js'
import { keptSession, spec } from '../support/spec.js'

const ALL: ProtocolVersion[] = [3, 4, 5]

const page = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8')
const rows = [...page.matchAll(/^\| `(\w+)` +\| `([^`]+)` +\| `--([\w-]+)` +\| (.*?) +\| (.*?) +\| (.*?) +\|/gm)]

describe('docs/limits.md', () => {
  it('has a row for every limit of the command, and no other', () => {
    assert.deepEqual(
      rows.map(([, option, , flag]) => [flag, option]).toSorted(),
      Object.entries(LIMITS)
        .map(([flag, [option]]) => [flag, option])
        .toSorted(),
    )
  })

  it('has the defaults of the broker, which the help of the command repeats', () => {
    const options: Record<string, unknown> = { ...resolveOptions({}) }
    for (const [, option, value, flag] of rows) {
      assert.equal(String(options[option!]), value, option)
      const shown = value === 'Infinity' || value === '4294967295' ? 'no limit' : value
      assert.match(USAGE, new RegExp(`--${flag} N .*\\[${shown}\\]$`, 'm'))
    }
  })

  it('names events, and reasons of drops', async () => {
    const events = readFileSync(new URL('../../../types/events.ts', import.meta.url), 'utf8')
    for (const [, option, , , , event, counter] of rows) {
      if (event !== 'none') assert(events.includes(`${event!.slice(1, -1)}:`), `${option}: ${event}`)
      if (counter !== 'none' && !counter!.startsWith('`broker'))
        assert(events.includes(`'${counter!.slice(1, -1)}'`), option)
    }
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
  'one stored session too many is refused, and none is ended',
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
  'streams that have not sent CONNECT count',
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
