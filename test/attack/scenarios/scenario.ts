/**
 * An attack: what clients do to a broker, and the bounds that must hold meanwhile. One file of this folder for each.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { Attacked } from '../attacked.js'
import { publishPacket } from '../packets.js'
import type { User } from '../targets/programs.js'

export interface Scenario {
  name: string
  /** Options of the broker. */
  options?: BrokerOptions
  /** Whether the broker listens for TLS as well. */
  hasTls?: boolean
  /** Users that may connect, the healthy pair's first. Then the command is attacked, which does not measure itself. */
  users?: readonly User[]
  bounds: Bounds
  /** Bounds relative to Mosquitto, which is attacked in the same way in the same run. */
  besideMosquitto?: Ratios
  /**
   * Prepares clients before the attack.
   * @param scale 1 for the whole attack, less for a short form.
   * @returns the attack
   */
  prepare(broker: Attacked, scale: number): Promise<() => Promise<Outcome | void>>
}

/** Figures that the attack itself measures. */
export interface Outcome {
  /** Operations per second. */
  perSecond?: number
  /** Milliseconds until a client with the right password was accepted. */
  letInMs?: number
  /** The share of requests that were granted. */
  granted?: number
  /** The share of messages that arrived. */
  deliveredRatio?: number
  /** Milliseconds until the broker has closed all connections that it must close. */
  endedMs?: number
  /** Messages per second that were accepted from a client with a rate limit. */
  takenPerSecond?: number
  /** Connections that ended before MQTT without being counted. */
  uncounted?: number
}

/** Bounds as multiples of Mosquitto's figures. */
export interface Ratios {
  /** Maximum. */
  p99?: number
  /** Minimum. */
  perSecond?: number
  /** Maximum. */
  letInMs?: number
  /** Maximum. */
  deliveredRatio?: number
}

/** Bounds that must hold during the attack. */
export interface Bounds {
  /** CPU time of the longest turn of the event loop, in milliseconds, without garbage collection. */
  turnMs?: number
  /**
   * The same with garbage collection.
   * @default 50
   */
  turnWithGcMs?: number
  /** Increase of the maximum resident memory over that before the attack, in MB. */
  growthMb?: number
  /** Heap and buffers after the attack divided by those before, both after a garbage collection. */
  keptRatio?: number
  /** Maximum share of requests that are granted. */
  granted?: number
  /** Milliseconds until the broker has closed all connections that it must close. */
  endedMs?: number
  /** Messages per second that are accepted from a client with a rate limit. */
  takenPerSecond?: number
  /** Connections that ended before MQTT without being counted. */
  uncounted?: number
  /** 99th percentile of the healthy pair's latency, in milliseconds above that of an idle broker. */
  p99OverIdle?: number
}

export { pause }

/** A message of 15 bytes. */
export const SMALL = publishPacket('t', Buffer.from('0123456789'))

/** Repeats bytes. */
export function repeat(packet: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => packet))
}
