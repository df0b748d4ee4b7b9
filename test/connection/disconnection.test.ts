/** Why a connection ended: each reason, as the application gets it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { disconnectionOf } from '../../lib/connection/disconnection.js'
import { AnaxError, ERRORS, type ErrorCode } from '../../lib/errors.js'
import type { FakeClock } from '../../lib/testing/index.js'
import type { Broker } from '../../types/broker/broker.js'
import type { Disconnection, DisconnectReason } from '../../types/broker/events.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import { connectTo, withBrokers } from '../support/brokers/several.js'
import type { SpecClient } from '../support/clients/spec-client.js'

interface Way {
  reason: DisconnectReason
  code?: ErrorCode
  reasonCode: number
  options?: BrokerOptions
  /** Ends the connection. */
  act(client: SpecClient, broker: Broker, clock: FakeClock): unknown
}

const WAYS: Record<string, Way> = {
  'it sent DISCONNECT': { reason: 'client', reasonCode: 0, act: client => client.disconnect() },
  'it sent DISCONNECT with a reason': {
    reason: 'client',
    reasonCode: 4,
    act: client => client.disconnect({ reasonCode: 4 }),
  },
  'its connection broke': { reason: 'stream-closed', reasonCode: 0x80, act: client => client.stream.end() },
  'its stream failed': {
    reason: 'stream-error',
    code: 'ANAX_ERR_STREAM',
    reasonCode: 0x80,
    act: (_client, broker) => broker.clients.a!.conn.destroy(new Error('broken')),
  },
  'it was silent': {
    reason: 'keep-alive',
    code: 'ANAX_ERR_KEEP_ALIVE',
    reasonCode: 0x8d,
    act: (_client, _broker, clock) => clock.advance(100_000),
  },
  'it connected again': {
    reason: 'takeover',
    code: 'ANAX_ERR_TAKEN_OVER',
    reasonCode: 0x8e,
    act: (_client, broker) => connectTo(broker, 'a'),
  },
  'the application ended it': {
    reason: 'administrative',
    code: 'ANAX_ERR_KICKED',
    reasonCode: 0x97,
    act: (_client, broker) => broker.disconnect('a', { reasonCode: 0x97 }),
  },
  'its session was deleted': {
    reason: 'administrative',
    code: 'ANAX_ERR_KICKED',
    reasonCode: 0x98,
    act: (_client, broker) => broker.deleteSession('a'),
  },
  'it broke the protocol': {
    reason: 'protocol-error',
    code: 'ANAX_ERR_PROTOCOL',
    reasonCode: 0x82,
    act: client => client.sendBytes('20 02 00 00'),
  },
  'it sent a packet that is too large': {
    reason: 'limit',
    code: 'ANAX_ERR_PACKET_TOO_LARGE',
    reasonCode: 0x95,
    options: { maxPacketSize: 100 },
    act: client => client.publish({ topic: 't', payload: Buffer.alloc(200) }),
  },
}

for (const [title, { act, options = {}, ...expected }] of Object.entries(WAYS)) {
  test(`a disconnection has a reason if ${title}`, () =>
    withBrokers([options], async ([broker], clock) => {
      const client = await connectTo(broker, 'a', { keepalive: 60 })
      const gone = once(broker, 'clientDisconnect')
      await act(client, broker, clock)
      const [{ id }, disconnection] = (await gone) as [{ id: string }, Disconnection]
      assert.equal(id, 'a')
      const { detail, ...told } = disconnection
      assert.deepEqual(told, { code: undefined, ...expected })
      assert.ok(detail.length > 0)
      assert.equal(broker.stats().clients.disconnected[expected.reason], 1)
    }))
}

test('a disconnection has a reason if the broker closes', () =>
  withBrokers([{}], async ([broker]) => {
    await connectTo(broker, 'a')
    const gone = once(broker, 'clientDisconnect')
    const closing = broker.close()
    const [, { reason, reasonCode }] = (await gone) as [unknown, Disconnection]
    assert.deepEqual([reason, reasonCode], ['shutdown', 0x8b])
    await closing
  }))

test('every error that ends a connection has a reason', () => {
  const reasonOf = (code: ErrorCode) => disconnectionOf({ will: 'publish', reason: new AnaxError(code) }).reason
  const failures = ['ANAX_ERR_STORE', 'ANAX_ERR_BUS', 'ANAX_ERR_CLUSTER', 'ANAX_ERR_HOOK_FAILED'] as const
  for (const code of failures) assert.equal(reasonOf(code), 'failure')
  assert.equal(reasonOf('ANAX_ERR_DRAIN_TIMEOUT'), 'drain-timeout')
  assert.equal(reasonOf('ANAX_ERR_PUBLISH_REFUSED'), 'not-authorized')
  for (const code of Object.keys(ERRORS)) assert.ok(reasonOf(code as ErrorCode))
})
