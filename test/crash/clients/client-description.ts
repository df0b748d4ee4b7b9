/** What a client that is a process of its own has to be told. Contract only: nothing here runs. */
import type { ProtocolVersion, QoS } from '../../../types/message/packets.js'

/** What every client has to be told. */
export interface ClientDescription {
  clientId: string
  version: ProtocolVersion
  /** The file that outlives it. */
  journal: string
  seed: number
  port: number
}

/** What a subscriber has to be told as well. */
export interface SubscriberDescription extends ClientDescription {
  filters: readonly string[]
  qos: QoS
}
