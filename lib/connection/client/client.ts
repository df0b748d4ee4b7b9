/**
 * The public `Client`: what hooks, events and the host see of a connection. Owns its names and the two styles of
 * answering, by promise or by callback. The channel behind it cannot be reached from outside.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type {
  Callback,
  Client,
  ClientContext,
  ClientEvents,
  ClientSubscription,
  ConnectionDetails,
  DisconnectOptions,
  PublishInput,
  UnsubscribeInput,
} from '../../../types/client/client.js'
import type { ClientLimits } from '../../../types/client/limits.js'
import type { ClientStats } from '../../../types/client/stats.js'
import type { ProtocolVersion, Subscription, UserProperties, Will } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { areClientLimits, areSameLimits } from '../../session/client-limits.js'
import { withCallback } from '../../util/maybe-promise.js'
import { QuietEmitter } from '../../util/quiet-emitter.js'
import type { Channel } from '../channel.js'
import type { ConnectionSource } from '../connection-source.js'
import { clientStats } from './client-stats.js'
import { disconnectClient, publishTo, subscribeClient, unsubscribeClient } from './requests.js'
import { SubscriptionsView } from './subscriptions-view.js'

const NO_SUBSCRIPTIONS: ReadonlyMap<string, ClientSubscription> = new Map()

export class ChannelClient extends QuietEmitter<ClientEvents> implements Client {
  context: ClientContext
  claims: unknown
  readonly #channel: Channel
  readonly #stream: Duplex
  readonly #request: IncomingMessage | undefined
  readonly #details: Readonly<ConnectionDetails>
  /** Undefined unless a hook has set it: the client then counts as its user name. */
  #principal: { name: string | undefined } | undefined
  #limits: ClientLimits | undefined

  constructor(channel: Channel, source: ConnectionSource) {
    super()
    this.#channel = channel
    this.#stream = source.stream
    this.#request = source.request
    this.#details = source.details
  }

  get conn(): Duplex {
    return this.#stream
  }
  get req(): IncomingMessage | undefined {
    return this.#request
  }
  get address(): string | undefined {
    return this.#details.address
  }
  get details(): Readonly<ConnectionDetails> {
    return this.#details
  }
  get version(): ProtocolVersion | undefined {
    return this.#channel.version
  }
  get id(): string {
    return this.#channel.parameters.id
  }
  get clean(): boolean {
    return this.#channel.parameters.clean
  }
  get username(): string | undefined {
    return this.#channel.parameters.username
  }
  get principal(): string | undefined {
    return this.#principal === undefined ? this.username : this.#principal.name
  }
  set principal(name: string | undefined) {
    this.#principal = { name }
  }
  get limits(): ClientLimits | undefined {
    return this.#limits
  }
  set limits(limits: ClientLimits | undefined) {
    if (limits !== undefined && !areClientLimits(limits)) {
      throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'client.limits' })
    }
    // setting the same limits again would allow the client another burst
    if (areSameLimits(limits, this.#limits)) return
    this.#limits = limits && Object.freeze({ ...limits })
    this.#channel.limitsChanged()
  }
  get heldBytes(): number {
    return this.#channel.reader.heldByTransport
  }
  set heldBytes(bytes: number) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'client.heldBytes' })
    }
    const { state, reader } = this.#channel
    // bytes that a connection holds count until it ends
    if (state !== 'closing' && state !== 'closed') reader.heldByTransport = bytes
  }
  get userProperties(): UserProperties | undefined {
    return this.#channel.parameters.userProperties
  }
  get keepalive(): number {
    return this.#channel.parameters.keepalive
  }
  get will(): Will | undefined {
    return this.#channel.parameters.will
  }
  get connecting(): boolean {
    return this.#channel.connecting
  }
  get connected(): boolean {
    return this.#channel.connected
  }
  get closed(): boolean {
    return this.#channel.state === 'closed'
  }
  get drops(): number {
    return this.#channel.drops
  }
  get stats(): ClientStats {
    return clientStats(this.#channel)
  }
  get subscriptions(): ReadonlyMap<string, ClientSubscription> {
    const { session } = this.#channel
    return session === undefined ? NO_SUBSCRIPTIONS : new SubscriptionsView(session)
  }

  publish(message: PublishInput): Promise<void>
  publish(message: PublishInput, callback: Callback): void
  publish(message: PublishInput, callback?: Callback): Promise<void> | void {
    return withCallback(publishTo(this.#channel, message), callback)
  }

  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }): Promise<void>
  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }, callback: Callback): void
  subscribe(
    subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] },
    callback?: Callback,
  ): Promise<void> | void {
    return withCallback(subscribeClient(this.#channel, subscriptions), callback)
  }

  unsubscribe(topics: UnsubscribeInput): Promise<void>
  unsubscribe(topics: UnsubscribeInput, callback: Callback): void
  unsubscribe(topics: UnsubscribeInput, callback?: Callback): Promise<void> | void {
    return withCallback(unsubscribeClient(this.#channel, topics), callback)
  }

  close(): Promise<void>
  close(callback: () => void): void
  close(callback?: () => void): Promise<void> | void {
    return withCallback(this.disconnect(), callback)
  }

  disconnect(options: DisconnectOptions = {}): Promise<void> {
    return disconnectClient(this.#channel, options)
  }
}
