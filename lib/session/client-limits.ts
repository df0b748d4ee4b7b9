/**
 * The limits of one client: those of the options, or those that a hook set for this client. Owns how the two are
 * combined. Must not know who checks them, nor what happens to a client that exceeds them.
 */
import type { ClientLimits } from '../../types/client/limits.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'

/** The limits that are in effect. */
export type EffectiveLimits = Pick<
  ResolvedOptions,
  'maxSubscriptions' | 'maximumQoS' | 'retainAvailable' | 'maxPacketSize'
>

/** Returns the options themselves for a client without its own limits, without an allocation. */
export function effectiveLimits(options: EffectiveLimits, limits: ClientLimits | undefined): EffectiveLimits {
  if (limits === undefined) return options
  const { maxSubscriptions = options.maxSubscriptions, maximumQoS = 2, retainAvailable = true, maxPacketSize } = limits
  return {
    maxSubscriptions,
    // no client gets a feature that the broker, and its listeners, do not offer
    maxPacketSize: Math.min(maxPacketSize ?? options.maxPacketSize, options.maxPacketSize),
    maximumQoS: maximumQoS < options.maximumQoS ? maximumQoS : options.maximumQoS,
    retainAvailable: retainAvailable && options.retainAvailable,
  }
}

const SMALLEST_PACKET_SIZE = 64
const LARGEST_PACKET_SIZE = 268_435_460

const isRate = (value: unknown): boolean => typeof value === 'number' && value > 0
const isCount = (value: unknown): boolean => value === Number.POSITIVE_INFINITY || (isWhole(value) && value >= 0)
const isPacketSize = (value: unknown): boolean =>
  isWhole(value) && value >= SMALLEST_PACKET_SIZE && value <= LARGEST_PACKET_SIZE

const RULES: Readonly<Record<keyof ClientLimits, (value: unknown) => boolean>> = {
  messagesPerSecond: isRate,
  bytesPerSecond: isRate,
  maxSubscriptions: isCount,
  maximumQoS: value => value === 0 || value === 1 || value === 2,
  retainAvailable: value => typeof value === 'boolean',
  maxPacketSize: isPacketSize,
}

/** Whether a value consists of valid limits only: an unknown limit would not be enforced. */
export function areClientLimits(value: unknown): value is ClientLimits {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Object.entries(value).every(([name, limit]) => {
    return Object.hasOwn(RULES, name) && (limit === undefined || RULES[name as keyof ClientLimits](limit))
  })
}

/** Whether two hooks set the same limits. */
export function areSameLimits(one: ClientLimits | undefined, other: ClientLimits | undefined): boolean {
  return (Object.keys(RULES) as (keyof ClientLimits)[]).every(name => one?.[name] === other?.[name])
}

function isWhole(value: unknown): value is number {
  return Number.isInteger(value)
}
