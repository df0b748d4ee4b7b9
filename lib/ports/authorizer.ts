/**
 * The port to the host's hooks. A contract and one error: how a hook is called and what its answer means is not known
 * here.
 */

import type {
  ConnectAcceptance,
  ConnectRefusal,
  ExtendedAuthentication,
  ExtendedVerdict,
} from '../../types/broker/hooks.js'
import type { Client } from '../../types/client/client.js'
import type { Message } from '../../types/message/message.js'
import type { ConnectPacket, Subscription } from '../../types/message/packets.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { AnaxError } from '../errors.js'

/** A refused publish that is acknowledged to a client before 5.0, because the host wants it to stay connected. */
export class AcknowledgedRefusal extends AnaxError {}

/** The host's decisions. None of them throws or rejects. An unset hook is undefined and allows everything. */
export interface Authorizer {
  readonly preConnect: ((client: Client, packet: ConnectPacket) => MaybePromise<ConnectRefusal | undefined>) | undefined
  readonly authenticate:
    | ((
        client: Client,
        username: string | undefined,
        password: Buffer | undefined,
      ) => MaybePromise<ConnectAcceptance | ConnectRefusal | undefined>)
    | undefined
  readonly authenticateExtended:
    | ((client: Client, authentication: ExtendedAuthentication) => MaybePromise<ExtendedVerdict>)
    | undefined
  /** @returns the message to publish, or why it is refused */
  readonly authorizePublish:
    | ((client: Client, message: PublishMessage) => MaybePromise<PublishMessage | AnaxError>)
    | undefined
  /** @returns the subscription to grant, or why it is refused */
  readonly authorizeSubscribe:
    | ((client: Client, subscription: Subscription) => MaybePromise<Subscription | AnaxError>)
    | undefined
  /** @returns the message to forward; true for the one that was published; undefined withholds it from this client */
  readonly authorizeForward: ((client: Client, message: Message) => Message | true | undefined) | undefined
  /** Whether a call of a hook about this client is pending. */
  isAsking(client: Client): boolean
  /** Treats the record of a disconnected client as the client: no hooks are called for one of the host's own. */
  treatAlike(client: Client, record: Client): void
  /** Whether any hook may be called for a connected client. */
  readonly asksLater: boolean
  readonly published: ((message: Message, client: Client | null) => MaybePromise<AnaxError | undefined>) | undefined
}
