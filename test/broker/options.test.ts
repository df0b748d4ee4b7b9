/**
 * Options are checked when the broker is created: an invalid one is refused with a message that says what was expected.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { resolveOptions } from '../../lib/broker/options.js'
import { AnaxError, Broker, createBroker, createMemoryPersistence } from '../../lib/index.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import { LARGE_MACHINE } from '../support/memory.js'

/** Invalid values for each kind of option. */
const NO_NUMBER = [-1, 1.5, '10', Number.NaN, null, {}, true]
const NO_FLAG = [0, 1, 'true', null, {}]
const NO_FUNCTION = ['function', {}, null, true]

interface Row {
  expected: string
  wrong: readonly unknown[]
  right: readonly unknown[]
}

function whole(from: number, to: number): Row {
  const outside = from > 0 ? [from - 1, to + 1] : [to + 1]
  return {
    expected: `a whole number from ${from} to ${to}`,
    wrong: [...NO_NUMBER, Infinity, ...outside],
    right: [from, to],
  }
}

function bound(from: number): Row {
  const outside = from > 0 ? [from - 1] : []
  return {
    expected: `a whole number from ${from}, or Infinity`,
    wrong: [...NO_NUMBER, -Infinity, ...outside],
    right: [from, 12_345, Infinity],
  }
}

const LARGEST_TIMEOUT = 2_147_483_647
const flag: Row = { expected: 'true or false', wrong: NO_FLAG, right: [true, false] }
const fn: Row = { expected: 'a function', wrong: NO_FUNCTION, right: [() => true] }
const hook: Row = { expected: 'a function', wrong: ['function', {}, true], right: [() => true, null] }

function methods(...names: string[]): Row {
  const all = Object.fromEntries(names.map(name => [name, () => {}]))
  const { [names[0]!]: _, ...some } = all
  return { expected: `an object with ${names.join(', ')}`, wrong: [null, 'x', {}, some], right: [all] }
}

function store(...names: string[]): Row {
  const row = methods(...names)
  return {
    ...row,
    expected: `${row.expected} (methods that return promises, as of aedes-persistence 11, and no callbacks)`,
  }
}

function group(...names: string[]): Row {
  const right = Object.fromEntries(names.map(name => [name, undefined]))
  return { expected: `an object with ${names.join(', ')}`, wrong: [null, 'x', 5, true], right: [{}, right] }
}

const ROWS: Record<keyof BrokerOptions, Row> = {
  id: {
    expected: 'a string that is not empty, without + and #',
    wrong: ['', 5, null, {}, 'kitchen #1', 'a+b', 'a\0'],
    right: ['x', 'a/b c'],
  },
  mq: methods('on', 'removeListener', 'emit', 'close'),
  persistence: store('setup', 'destroy', 'storeRetained', 'subscriptionsByTopic', 'outgoingEnqueueCombi'),
  cluster: methods('join'),
  leaseMs: whole(500, 3_600_000),
  lostLease: {
    expected: '"disconnect" or "keep-stateless"',
    wrong: ['keep', null, true],
    right: ['disconnect', 'keep-stateless'],
  },
  clock: methods('now', 'setTimeout', 'clearTimeout'),
  concurrency: whole(0, Number.MAX_SAFE_INTEGER),
  connectTimeout: whole(1, LARGEST_TIMEOUT),
  hookTimeoutMs: whole(0, LARGEST_TIMEOUT),
  storeTimeoutMs: whole(0, LARGEST_TIMEOUT),
  drainTimeout: whole(0, LARGEST_TIMEOUT),
  closeTimeoutMs: whole(0, LARGEST_TIMEOUT),
  keepaliveLimit: whole(0, 65_535),
  maxClientsIdLength: whole(1, 65_535),
  maxTopicLevels: whole(1, 100),
  maxPacketSize: whole(64, 268_435_460),
  maxConnectSize: whole(64, 268_435_460),
  maxUserProperties: bound(0),
  maxIncompleteBytes: bound(1),
  maxConnections: bound(1),
  maxSessions: bound(0),
  maxSessionBytes: bound(0),
  maxWills: bound(0),
  maxWillBytes: bound(0),
  maxWillDelay: whole(0, 0xffffffff),
  maxSubscriptions: bound(0),
  maxSubscriptionBytes: bound(0),
  maxTotalSubscriptionBytes: bound(0),
  maxFiltersPerPacket: bound(1),
  maxEventLoopDelayMs: bound(1),
  maxMemoryBytes: bound(1),
  maxSessionExpiry: whole(0, 0xffffffff),
  defaultSessionExpiry: whole(0, 0xffffffff),
  receiveMaximum: whole(1, 65_535),
  maxInflightInbound: whole(0, 65_535),
  maxConcurrentPackets: whole(1, 65_536),
  maxInflight: whole(1, 65_535),
  topicAliasMaximum: whole(0, 65_535),
  maxOutboundTopicAliases: whole(0, 65_535),
  maximumQoS: { expected: '0 or 1 or 2', wrong: [3, -1, '1', null], right: [0, 1, 2] },
  retainAvailable: flag,
  wildcardSubscriptionAvailable: flag,
  subscriptionIdentifiersAvailable: flag,
  sharedSubscriptionAvailable: flag,
  sharedStrategy: {
    expected: '"round-robin" or "random" or "sticky" or "least-inflight"',
    wrong: ['roundrobin', 1, null, () => 0],
    right: ['round-robin', 'random', 'sticky', 'least-inflight'],
  },
  responseInformation: { expected: 'a string or a function', wrong: [5, null, {}], right: ['x', () => 'x'] },
  validatePayloadFormat: flag,
  refusedPublish: {
    expected: '"disconnect" or "acknowledge"',
    wrong: ['drop', null, true],
    right: ['disconnect', 'acknowledge'],
  },
  maxQueuedMessages: bound(1),
  maxBurstMessages: bound(1),
  maxQueuedBytes: bound(1),
  maxTotalQueuedBytes: bound(1),
  queueOverflow: {
    expected: '"drop-newest" or "drop-oldest" or "reject"',
    wrong: ['drop', null, true],
    right: ['drop-newest', 'drop-oldest', 'reject'],
  },
  queueLimits: fn,
  queueQoS0: flag,
  maxOutboxBytes: bound(1),
  maxBurstBytes: bound(1),
  maxRetainedMessages: bound(0),
  maxRetainedBytes: bound(0),
  maxRetainedPayload: bound(0),
  maxRetainedExpiry: bound(0),
  rates: group('client', 'address', 'total', 'patienceSeconds'),
  authenticationDelay: group('freeFailures', 'firstDelayMs', 'maxDelayMs', 'forgetAfterSeconds'),
  flapping: group('takeovers', 'withinSeconds', 'banSeconds'),
  sysInterval: whole(0, 86_400),
  logger: methods('error', 'warn', 'info', 'debug', 'child'),
  preConnect: hook,
  authenticate: hook,
  authenticateExtended: hook,
  authorizePublish: hook,
  authorizeSubscribe: hook,
  authorizeForward: hook,
  published: hook,
}

/** Options that only the broker itself reads. */
const FOUNDATIONS = ['mq', 'persistence', 'clock']

describe('options', () => {
  for (const [name, { expected, wrong, right }] of Object.entries(ROWS)) {
    it(`${name} has to be ${expected}`, () => {
      for (const value of wrong) {
        assert.throws(
          () => new Broker({ [name]: value } as BrokerOptions),
          (error: AnaxError) => {
            assert.ok(error instanceof AnaxError)
            assert.equal(error.code, 'ANAX_ERR_OPTION')
            assert.ok(error.message.includes(`${name} has to be ${expected}, got `), error.message)
            return true
          },
        )
      }
      for (const value of right) {
        const resolved = resolveOptions({ [name]: value } as BrokerOptions)
        assert.equal((resolved as unknown as Record<string, unknown>)[name], value)
        if (!FOUNDATIONS.includes(name)) new Broker({ [name]: value } as BrokerOptions)
      }
    })
  }

  it('have lower defaults where the process may use little memory, for the store in memory only', () => {
    const MIB = 2 ** 20
    const container = { bytes: 128 * MIB, heapBytes: 256 * MIB, isContainer: true }
    const small = resolveOptions({}, container)
    assert.equal(small.maxTotalQueuedBytes, 16 * MIB)
    assert.equal(small.maxRetainedBytes, 16 * MIB)
    assert.equal(small.maxRetainedMessages, 32_768)
    assert.equal(resolveOptions({}, { ...container, heapBytes: 48 * MIB }).maxTotalQueuedBytes, 12 * MIB)
    assert.equal(resolveOptions({ maxTotalQueuedBytes: 64 * MIB }, container).maxTotalQueuedBytes, 64 * MIB)
    assert.equal(resolveOptions({}, LARGE_MACHINE).maxTotalQueuedBytes, 1024 * MIB)
    const onDisk = resolveOptions({ persistence: createMemoryPersistence() }, container)
    assert.equal(onDisk.maxTotalQueuedBytes, 1024 * MIB, 'a given store may keep its data anywhere')
  })

  it('that do not exist are refused with an error that names them', () => {
    assert.throws(() => new Broker({ heartbeatInterval: 5 } as BrokerOptions), {
      code: 'ANAX_ERR_OPTION',
      message: /there is no option 'heartbeatInterval'/,
    })
    assert.throws(() => new Broker({ toString: 5 } as unknown as BrokerOptions), { code: 'ANAX_ERR_OPTION' })
  })

  for (const [name, message] of [
    ['maxQueuedMesages', /\(did you mean 'maxQueuedMessages'\?\)$/],
    ['max_queued_messages', /\(did you mean 'maxQueuedMessages'\?\)$/],
    ['max_inflight_messages', /\(did you mean 'maxInflight'\?\)$/],
    ['port', /\(the broker opens no port: see createServer of anax\/server\)$/],
    ['authentication', /\(did you mean 'authenticate'\?\)$/],
    ['messagesPerSecond', /\(a rate is that of rates\.client, rates\.address or rates\.total\)$/],
    ['allow_anonymous', /\(see anax\/auth\)$/],
    ['hooks', /\(hooks are options themselves: authenticate, authorizePublish and so on\)$/],
    ['auth', /\(hooks of anax\/auth are options themselves: \{ \.\.\.auth \}\)$/],
    ['something', /there is no option 'something'$/],
    ['constructor', /there is no option 'constructor'$/],
  ] as const) {
    it(`that do not exist get a suggestion: ${name}`, () => {
      assert.throws(() => new Broker({ [name]: 5 }), { code: 'ANAX_ERR_OPTION', message })
    })
  }

  it('within an option are named together with it', () => {
    assert.throws(() => new Broker({ rates: { client: { messagesPerSecond: 0 } } }), {
      code: 'ANAX_ERR_OPTION',
      message: /rates\.client\.messagesPerSecond has to be a number above 0, got 0/,
    })
    assert.throws(() => new Broker({ rates: { clients: {} } } as BrokerOptions), {
      code: 'ANAX_ERR_OPTION',
      message: /there is no option 'rates\.clients'/,
    })
  })

  it('must be an object', async () => {
    for (const options of [null, 'fast', 5]) {
      assert.throws(() => new Broker(options as never), { code: 'ANAX_ERR_OPTION' })
      await assert.rejects(createBroker(options as never), { code: 'ANAX_ERR_OPTION' })
    }
  })

  it('are shown as a word in errors, unless they are plain values', () => {
    for (const [value, shown] of [
      [async () => {}, 'a function'],
      [Promise.resolve(), 'a promise, which has to be awaited first'],
    ]) {
      const error = { code: 'ANAX_ERR_OPTION', message: new RegExp(`no callbacks\\), got ${shown}$`) }
      assert.throws(() => new Broker({ persistence: value as never }), error)
    }
  })

  it('that are undefined are the same as omitted ones', () => {
    const names = Object.keys(ROWS)
    const { id, ...resolved } = resolveOptions(Object.fromEntries(names.map(name => [name, undefined])))
    const { id: otherId, ...defaults } = resolveOptions({})
    assert.deepEqual(resolved, defaults)
    assert.notEqual(id, otherId)
  })

  it('make createBroker reject', async () => {
    await assert.rejects(createBroker({ maximumQoS: 3 as never }), { code: 'ANAX_ERR_OPTION' })
  })

  it('are copied: the object is not changed, and later changes of it have no effect', async () => {
    const options: BrokerOptions = Object.freeze({ id: 'mine', maximumQoS: 1 })
    const broker = await createBroker(options)
    assert.equal(broker.id, 'mine')
    await broker.close()
  })
})
