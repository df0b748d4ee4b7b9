/** The settings of a client in its own process. A contract: no code. */
import type { ProtocolVersion, QoS } from '../../../types/message/packets.js'

/** Settings of every client. */
export interface ClientDescription {
  clientId: string
  version: ProtocolVersion
  /** The file with its state, which outlives the process. */
  journal: string
  seed: number
  port: number
}

/** Additional settings of a subscriber. */
export interface SubscriberDescription extends ClientDescription {
  filters: readonly string[]
  qos: QoS
}
