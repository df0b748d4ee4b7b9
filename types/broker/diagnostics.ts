/**
 * The messages on the broker's channels of `node:diagnostics_channel`. Contracts only.
 *
 * Each operation has a channel for its start and one for its end, which get the same object: a subscriber may use it as
 * a key in a WeakMap. Fields that are set at the end are undefined before. The channels are shared by all brokers of
 * the process.
 */
import type { Client } from '../client/client.js'
import type { Message } from '../message/message.js'
import type { QoS } from '../message/packets.js'
import type { HookName } from './events.js'

/** `anax:gate:start`, `anax:gate:end`: a call of a hook. */
export interface GateTrace {
  readonly hook: HookName
  /** The client that the hook is called for; null for the broker itself. */
  readonly client: Client | null
  /** The arguments of the hook, without a callback. */
  readonly args: readonly unknown[]
  /** The error if the hook failed: it threw, rejected, or took too long. A refusal is not a failure. */
  error: Error | undefined
}

/**
 * `anax:publish:start`, `anax:publish:end`: a message from its arrival until it is stored and passed on to be routed.
 */
export interface PublishTrace {
  /** The message; at the end, with the changes of hooks. */
  message: Message
  /** The publisher; null for the broker itself and for wills. */
  readonly client: Client | null
  /** Why it was refused. */
  error: Error | undefined
}

/** `anax:store:start`, `anax:store:end`: an operation of the store. */
export interface StoreTrace {
  /** The method of the store. */
  readonly operation: string
  readonly args: readonly unknown[]
  error: Error | undefined
}

/** `anax:delivery:start`, `anax:delivery:end`: a message to one client, from writing it to its acknowledgement. */
export interface DeliveryTrace {
  readonly clientId: string
  /** The published message. */
  readonly message: Message
  /** The QoS with which it is sent. */
  readonly qos: QoS
  /** 0 with QoS 0. */
  readonly packetId: number
  /**
   * `sent`: with QoS 0, which ends at once. `acknowledged`: by PUBACK or PUBCOMP. `unacknowledged`: the connection
   * ended before.
   */
  outcome: 'sent' | 'acknowledged' | 'unacknowledged' | undefined
}

/** Channel -> the object that its subscribers get. */
export interface DiagnosticsChannels {
  'anax:gate:start': GateTrace
  'anax:gate:end': GateTrace
  'anax:publish:start': PublishTrace
  'anax:publish:end': PublishTrace
  'anax:store:start': StoreTrace
  'anax:store:end': StoreTrace
  'anax:delivery:start': DeliveryTrace
  'anax:delivery:end': DeliveryTrace
}
