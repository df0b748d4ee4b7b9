/**
 * What the host sees of a connection: the public Client. Owns the names and the two styles of answering;
 * carries out nothing itself.
 */
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type {
  Callback,
  Client,
  ClientEvents,
  ClientSubscription,
  DisconnectOptions,
  PublishInput,
  UnsubscribeInput,
} from '../../types/client.js'
import type { ProtocolVersion, Subscription, UserProperties, Will } from '../../types/packets.js'
import type { Session } from '../session/session.js'
import { withCallback } from '../util/maybe-promise.js'
import type { Terms } from './connect-terms.js'
import type { Connection } from './connection.js'
import type { ConnectionState } from './connection-state.js'
import { disconnectClient, publishTo, subscribeClient, unsubscribeClient } from './host-requests.js'

const NO_SUBSCRIPTIONS: ReadonlyMap<string, ClientSubscription> = new Map()

export abstract class ClientHandle extends EventEmitter<ClientEvents> implements Client {
  abstract readonly conn: Duplex
  abstract readonly req: IncomingMessage | undefined
  abstract readonly version: ProtocolVersion | undefined
  abstract readonly terms: Terms
  abstract readonly state: ConnectionState
  abstract session: Session | undefined
  context: unknown
  drops = 0
  /** The connection that this is the public side of. */
  protected abstract readonly connection: Connection

  get id(): string {
    return this.terms.id
  }
  get clean(): boolean {
    return this.terms.clean
  }
  get username(): string | undefined {
    return this.terms.username
  }
  get userProperties(): UserProperties | undefined {
    return this.terms.userProperties
  }
  get keepalive(): number {
    return this.terms.keepalive
  }
  get will(): Will | undefined {
    return this.terms.will
  }
  get connecting(): boolean {
    return this.state === 'connecting'
  }
  get connected(): boolean {
    return this.state === 'connected'
  }
  get closed(): boolean {
    return this.state === 'closed'
  }
  get subscriptions(): ReadonlyMap<string, ClientSubscription> {
    return this.session?.subscriptions ?? NO_SUBSCRIPTIONS
  }

  publish(message: PublishInput): Promise<void>
  publish(message: PublishInput, callback: Callback): void
  publish(message: PublishInput, callback?: Callback): Promise<void> | void {
    return withCallback(publishTo(this.connection, message), callback)
  }

  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }): Promise<void>
  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }, callback: Callback): void
  subscribe(
    subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] },
    callback?: Callback,
  ): Promise<void> | void {
    return withCallback(subscribeClient(this.connection, subscriptions), callback)
  }

  unsubscribe(topics: UnsubscribeInput): Promise<void>
  unsubscribe(topics: UnsubscribeInput, callback: Callback): void
  unsubscribe(topics: UnsubscribeInput, callback?: Callback): Promise<void> | void {
    return withCallback(unsubscribeClient(this.connection, topics), callback)
  }

  close(): Promise<void>
  close(callback: () => void): void
  close(callback?: () => void): Promise<void> | void {
    return withCallback(this.disconnect(), callback)
  }

  disconnect(options: DisconnectOptions = {}): Promise<void> {
    return disconnectClient(this.connection, options)
  }
}
