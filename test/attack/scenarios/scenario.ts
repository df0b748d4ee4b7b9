/** An attack: what a client does to a broker, and what has to hold meanwhile. One file of this folder for each. */
import { setTimeout as pause } from 'node:timers/promises'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { Attacked } from '../attacked.js'
import { publishPacket } from '../packets.js'
import type { User } from '../targets/programs.js'

export interface Scenario {
  name: string
  /** Of the broker. */
  options?: BrokerOptions
  /** Whether the broker listens for TLS as well. */
  hasTls?: boolean
  /**
   * Those who may connect, the healthy pair's first: then the command is attacked, and no broker that measures itself.
   */
  users?: readonly User[]
  bounds: Bounds
  /** What has to hold beside Mosquitto, which is attacked in the same way in the same run. */
  besideMosquitto?: Ratios
  /** Clients of before the attack. @param scale 1 for the whole attack, less for a short form. @returns the attack */
  prepare(broker: Attacked, scale: number): Promise<() => Promise<Outcome | void>>
}

/** What an attack itself can tell. */
export interface Outcome {
  /** What it did, per second. */
  perSecond?: number
  /** Milliseconds until somebody was let in who may. */
  letInMs?: number
  /** How much of what was asked for was granted. */
  granted?: number
  /** The share of the messages that arrived. */
  deliveredRatio?: number
  /** Milliseconds until the broker has ended all whom it has to end. */
  endedMs?: number
  /** How many messages of somebody with a rate were taken per second. */
  takenPerSecond?: number
  /** Connections that ended before MQTT without being counted. */
  uncounted?: number
}

/** Bounds of figures as multiples of Mosquitto's. */
export interface Ratios {
  /** At most. */
  p99?: number
  /** At least. */
  perSecond?: number
  /** At most. */
  letInMs?: number
  /** At least. */
  deliveredRatio?: number
}

/** What has to hold while the broker is attacked. */
export interface Bounds {
  /** CPU time of the longest turn of the event loop, in milliseconds, without the garbage collector. */
  turnMs?: number
  /** The same with what the garbage collector took. @default 50 */
  turnWithGcMs?: number
  /** Resident memory at its highest, above that of before the attack, in MB. */
  growthMb?: number
  /** Heap and buffers after the attack as a share of those before, both after a garbage collection. */
  keptRatio?: number
  /** How much of what was asked for may be granted. */
  granted?: number
  /** Milliseconds until the broker has ended all whom it has to end. */
  endedMs?: number
  /** How many messages of somebody with a rate are taken per second. */
  takenPerSecond?: number
  /** Connections that ended before MQTT without being counted. */
  uncounted?: number
  /** 99th percentile of the healthy pair's latency, in milliseconds above that of an idle broker. */
  p99OverIdle?: number
}

export { pause }

/** A message of 15 bytes. */
export const SMALL = publishPacket('t', Buffer.from('0123456789'))

/** The same bytes a number of times. */
export function repeat(packet: Buffer, count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, () => packet))
}
