/**
 * A message on its way through the broker: the shape of `aedes-packet`, so that any `mqemitter`
 * and any `aedes-persistence` can carry it. Contracts only.
 */
import type { PublishProperties, QoS } from './packets.js'

/** A published message as hooks, events, the bus and the store see it. */
export interface Message {
  cmd: 'publish'
  /**
   * The broker that accepted it, and its number there: together they identify the message. A broker with the option
   * `id` adds a mark of its current run to it, because a store may have messages of earlier runs:
   * `kitchen/0mijgy2k1f03a9c7e`.
   */
  brokerId: string
  brokerCounter: number
  topic: string
  payload: Buffer
  qos: QoS
  retain: boolean
  dup: boolean
  /** Packet identifier on the connection it came from or goes to. */
  messageId: number | undefined
  /** Id of the client that published it; undefined for the host's own messages. */
  clientId: string | undefined
  /** The publisher's `client.principal`, if the broker recorded it. */
  username?: string | undefined
  /** When the broker accepted it, in milliseconds since the epoch, if the broker recorded it. */
  receivedAt?: number | undefined
  properties: PublishProperties | undefined
  /** When it expires, in milliseconds since the epoch; undefined means never. */
  messageExpiry: number | undefined
}
