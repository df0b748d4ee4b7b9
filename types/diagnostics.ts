/**
 * The messages on the broker's channels of `node:diagnostics_channel`. Contracts only.
 *
 * Each has a channel for its start and one for its end, which get the same object: a subscriber may keep something of
 * its own by it, in a WeakMap. What is set at the end only is undefined before. The channels are those of the process:
 * of all brokers in it.
 */
import type { Client } from './client.js'
import type { HookName } from './events.js'
import type { Message } from './message.js'
import type { QoS } from './packets.js'

/** `anax:gate:start`, `anax:gate:end`: the broker asks a hook of the host. */
export interface GateTrace {
  readonly hook: HookName
  /** About whom it is asked; null for the broker itself. */
  readonly client: Client | null
  /** The arguments of the hook, without a callback. */
  readonly args: readonly unknown[]
  /** Whether it failed: threw, rejected, took too long. A refusal is no failure. */
  error: Error | undefined
}

/** `anax:publish:start`, `anax:publish:end`: a message from its arrival until it is stored and handed over to be routed. */
export interface PublishTrace {
  /** At the end, as hooks have left it. */
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

/** `anax:delivery:start`, `anax:delivery:end`: a message to one client, from its bytes to its acknowledgement. */
export interface DeliveryTrace {
  readonly clientId: string
  /** As it was published. */
  readonly message: Message
  /** With which QoS it is sent. */
  readonly qos: QoS
  /** 0 with QoS 0. */
  readonly packetId: number
  /**
   * `sent`: with QoS 0, whose end comes at once. `acknowledged`: by PUBACK or PUBCOMP. `unacknowledged`: the connection
   * ended before.
   */
  outcome: 'sent' | 'acknowledged' | 'unacknowledged' | undefined
}

/** Channel -> what its subscribers get. */
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
