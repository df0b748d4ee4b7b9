/** The defaults of the options, and the checks that refuse wrong ones at construction. Knows no broker. */
import { randomUUID } from 'node:crypto'
import type { BrokerOptions } from '../../types/broker/options.js'
import type { Clock } from '../../types/clock.js'
import { AnaxError } from '../errors.js'
import { NEVER_EXPIRES } from '../model/session-expiry.js'
import type { ResolvedOptions, Switched } from '../ports/resolved-options.js'
import { isTopicName } from '../topic/topic.js'
import { type ProcessMemory, processMemory } from '../util/memory/process-memory.js'
import { idleTimeout } from '../util/scheduling/idle-timeout.js'
import {
  bound,
  checkOptions,
  described,
  flag,
  group,
  LONGEST_TIMEOUT_MS,
  methods,
  oneOf,
  type Rule,
  whole,
} from './option-rules.js'

const MIB = 1024 * 1024

/** In seconds. */
const DAY = 24 * 60 * 60

const DEFAULTS: Omit<ResolvedOptions, 'id' | Switched> = {
  leaseMs: 15_000,
  lostLease: 'disconnect',
  concurrency: 0,
  connectTimeout: 30_000,
  hookTimeoutMs: 10_000,
  storeTimeoutMs: 20_000,
  drainTimeout: 60_000,
  closeTimeoutMs: 5000,
  keepaliveLimit: 0,
  maxTopicLevels: 100,
  maxPacketSize: 2 * MIB,
  maxConnectSize: 64 * 1024,
  maxUserProperties: 100,
  maxIncompleteBytes: 256 * MIB,
  maxConnections: 100_000,
  maxSessions: 100_000,
  maxSessionBytes: 256 * MIB,
  maxWills: 100_000,
  maxWillBytes: 64 * MIB,
  maxWillDelay: 90 * DAY,
  maxSubscriptions: 10_000,
  maxSubscriptionBytes: 4 * MIB,
  maxTotalSubscriptionBytes: 1024 * MIB,
  maxFiltersPerPacket: 2000,
  maxSessionExpiry: NEVER_EXPIRES,
  defaultSessionExpiry: NEVER_EXPIRES,
  receiveMaximum: 65_535,
  maxInflightInbound: 65_535,
  maxConcurrentPackets: 100,
  maxInflight: 100,
  topicAliasMaximum: 16,
  maxOutboundTopicAliases: 16,
  maximumQoS: 2,
  retainAvailable: true,
  wildcardSubscriptionAvailable: true,
  subscriptionIdentifiersAvailable: true,
  sharedSubscriptionAvailable: true,
  sharedStrategy: 'round-robin',
  validatePayloadFormat: false,
  refusedPublish: 'disconnect',
  maxQueuedMessages: 1000,
  maxBurstMessages: 100_000,
  maxQueuedBytes: 16 * MIB,
  maxTotalQueuedBytes: 1024 * MIB,
  queueOverflow: 'drop-newest',
  queueQoS0: false,
  maxOutboxBytes: MIB,
  maxBurstBytes: 16 * MIB,
  maxRetainedMessages: 1_000_000,
  maxRetainedBytes: 256 * MIB,
  maxRetainedPayload: Number.POSITIVE_INFINITY,
  maxRetainedExpiry: Number.POSITIVE_INFINITY,
  maxEventLoopDelayMs: Number.POSITIVE_INFINITY,
  maxMemoryBytes: Number.POSITIVE_INFINITY,
  sysInterval: 0,
}

/** The message says what is wrong with a store for Aedes before 1.0, which has most of the methods, with callbacks. */
function store(...names: string[]): Rule {
  const { expected, holds } = methods(...names)
  return { expected: `${expected} (methods that return promises, as of aedes-persistence 11, and no callbacks)`, holds }
}

/** A limit per second: a number above 0, or Infinity. */
const rate: Rule = { expected: 'a number above 0', holds: value => typeof value === 'number' && value > 0 }

const RATES = group({ messagesPerSecond: rate, bytesPerSecond: rate, connectsPerSecond: rate })

const milliseconds = whole(0, LONGEST_TIMEOUT_MS)
const seconds = whole(0, NEVER_EXPIRES)
const fn: Rule = { expected: 'a function', holds: value => typeof value === 'function' }
/** null means no hook */
const hook: Rule = { expected: 'a function', holds: value => value === null || typeof value === 'function' }

const RULES: Record<keyof BrokerOptions, Rule> = {
  // it is a part of topics
  id: {
    expected: 'a string that is not empty, without + and #',
    holds: value => typeof value === 'string' && isTopicName(value),
  },
  mq: methods('on', 'removeListener', 'emit', 'close'),
  persistence: store('setup', 'destroy', 'storeRetained', 'subscriptionsByTopic', 'outgoingEnqueueCombi'),
  cluster: methods('join'),
  leaseMs: whole(500, 3_600_000),
  lostLease: oneOf('disconnect', 'keep-stateless'),
  clock: methods('now', 'setTimeout', 'clearTimeout'),
  concurrency: whole(0, Number.MAX_SAFE_INTEGER),
  connectTimeout: whole(1, LONGEST_TIMEOUT_MS),
  hookTimeoutMs: milliseconds,
  storeTimeoutMs: milliseconds,
  drainTimeout: milliseconds,
  closeTimeoutMs: milliseconds,
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
  maxWillDelay: seconds,
  maxSubscriptions: bound(0),
  maxSubscriptionBytes: bound(0),
  maxTotalSubscriptionBytes: bound(0),
  maxFiltersPerPacket: bound(1),
  maxSessionExpiry: seconds,
  defaultSessionExpiry: seconds,
  receiveMaximum: whole(1, 65_535),
  maxInflightInbound: whole(0, 65_535),
  maxConcurrentPackets: whole(1, 65_536),
  maxInflight: whole(1, 65_535),
  topicAliasMaximum: whole(0, 65_535),
  maxOutboundTopicAliases: whole(0, 65_535),
  maximumQoS: oneOf(0, 1, 2),
  retainAvailable: flag,
  wildcardSubscriptionAvailable: flag,
  subscriptionIdentifiersAvailable: flag,
  sharedSubscriptionAvailable: flag,
  sharedStrategy: oneOf('round-robin', 'random', 'sticky', 'least-inflight'),
  responseInformation: {
    expected: 'a string or a function',
    holds: value => typeof value === 'string' || typeof value === 'function',
  },
  validatePayloadFormat: flag,
  refusedPublish: oneOf('disconnect', 'acknowledge'),
  maxQueuedMessages: bound(1),
  maxBurstMessages: bound(1),
  maxQueuedBytes: bound(1),
  maxTotalQueuedBytes: bound(1),
  queueOverflow: oneOf('drop-newest', 'drop-oldest', 'reject'),
  queueLimits: fn,
  queueQoS0: flag,
  maxOutboxBytes: bound(1),
  maxBurstBytes: bound(1),
  maxRetainedMessages: bound(0),
  maxRetainedBytes: bound(0),
  maxRetainedPayload: bound(0),
  maxRetainedExpiry: bound(0),
  rates: group({ client: RATES, address: RATES, total: RATES, patienceSeconds: rate }),
  authenticationDelay: group({
    freeFailures: whole(0, 1000),
    firstDelayMs: whole(1, 60_000),
    maxDelayMs: whole(1, 60_000),
    forgetAfterSeconds: whole(1, 86_400),
  }),
  flapping: group({ takeovers: whole(2, 10_000), withinSeconds: whole(1, 86_400), banSeconds: whole(0, 86_400) }),
  maxEventLoopDelayMs: bound(1),
  maxMemoryBytes: bound(1),
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

/** The system's clock; its timers do not keep the host's process alive. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimeout: idleTimeout,
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout | undefined),
}

/**
 * Checks the options and fills in the defaults.
 * @param memory what the process may use
 * @throws AnaxError ANAX_ERR_OPTION, which says what was expected
 */
export function resolveOptions(options: BrokerOptions, memory: ProcessMemory = processMemory()): ResolvedOptions {
  if (typeof options !== 'object' || options === null) {
    throw new AnaxError('ANAX_ERR_OPTION', { detail: `options have to be an object, got ${described(options)}` })
  }
  checkOptions(options, RULES, 'ANAX_ERR_OPTION')
  if (options.cluster !== undefined && (options.mq !== undefined || options.persistence !== undefined)) {
    throw new AnaxError('ANAX_ERR_OPTION', {
      detail: 'a cluster takes the place of mq and persistence: give one of them',
    })
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  return {
    ...DEFAULTS,
    id: randomUUID(),
    ...following(options),
    ...fitting(options, memory),
    ...given,
  } as ResolvedOptions
}

/** Defaults that depend on other options. */
function following({ receiveMaximum, maxQueuedMessages, maxOutboxBytes }: BrokerOptions): Partial<ResolvedOptions> {
  return {
    ...(receiveMaximum !== undefined && { maxConcurrentPackets: receiveMaximum + 1 }),
    ...(maxQueuedMessages !== undefined && { maxBurstMessages: maxQueuedMessages }),
    ...(maxOutboxBytes !== undefined && { maxBurstBytes: maxOutboxBytes }),
  }
}

/** Defaults of what the store in memory holds: less than usual where the process may use little memory. */
function fitting({ persistence, cluster }: BrokerOptions, memory: ProcessMemory): Partial<ResolvedOptions> {
  if (persistence !== undefined || cluster !== undefined) return {}
  const lower = (usual: number, part: number) => Math.min(usual, Math.floor(part))
  const bytes = Math.min(memory.bytes / 8, memory.heapBytes / 4)
  return {
    maxTotalQueuedBytes: lower(DEFAULTS.maxTotalQueuedBytes, bytes),
    maxRetainedBytes: lower(DEFAULTS.maxRetainedBytes, bytes),
    // each takes about 600 bytes of the heap in addition to its payload
    maxRetainedMessages: lower(DEFAULTS.maxRetainedMessages, bytes / 512),
  }
}
