/**
 * A client with the interface of Aedes: its members, names and callbacks. Owns the names; the underlying client, which
 * exists as soon as the broker is started, does the work.
 */
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { MessageListener } from '../../types/broker/broker.js'
import type { Callback, Client, PublishInput, UnsubscribeInput } from '../../types/client/client.js'
import type { ConnectPacket, Subscription, UserProperties, Will } from '../../types/message/packets.js'
import { ReasonCode } from '../index.js'

/** An HTTP request to which a transport has attached the connection's details. */
export type RequestWithDetails = IncomingMessage & { connDetails?: unknown }

/** The broker as clients see it: an `Aedes`. */
export interface ClientBroker extends EventEmitter {
  readonly id: string
  readonly closed: boolean
  readonly opts: { readonly sessionExpiryIntervalLimit: number }
  /** Client identifier -> connected client. */
  readonly clients: Readonly<Record<string, AedesClient>>
  publish(packet: PublishInput, done?: Callback): void
  subscribe(topic: string, listener: MessageListener, done?: Callback): void
  unsubscribe(topic: string, listener: MessageListener, done?: Callback): void
  /** Subscribes a client to the filters that `authorizeSubscribe` allows. */
  subscribeClient(client: AedesClient, subscriptions: Subscription[]): Promise<void>
  /** Converts an error to the form that applications of Aedes expect. */
  told(error: Error): Error
  /** Removes the queued messages of a client's session. */
  emptyQueueOf(client: AedesClient): Promise<void>
  /** Called when the application closes a client. */
  leaving(client: AedesClient): void
}

type SubscribeInput = Subscription | Subscription[] | { subscriptions: Subscription[] }

const MQTT_5 = 5

/** The broker as an {@link AedesClient} sees it. */
export interface ClientControl {
  /** Sets the underlying client. */
  attach(client: Client): void
  /** Called when CONNECT was read, and `preConnect` has accepted it. */
  identify(packet: ConnectPacket): void
  /** Called when CONNACK was sent, before the application is notified. */
  ready(): void
  /** Called when the broker has ended the connection, with the reason. */
  ended(reasonCode: number): void
}

/** The reason code for an MQTT 5.0 client when the application ends its connection. */
export interface DisconnectInput {
  /** @default 0x98, administrative action */
  reasonCode?: number
  properties?: { reasonString?: string; serverReference?: string; userProperties?: UserProperties }
}

/** A client with the members that it has in Aedes; the argument of hooks and events. */
export class AedesClient extends EventEmitter {
  readonly conn: Duplex
  readonly req: RequestWithDetails | undefined
  /** The broker that it is connected to. */
  readonly broker: ClientBroker
  /** Details that a transport attached to the connection. */
  connDetails: unknown
  /** Always empty: Anax does not count duplicates here. The object has no prototype. */
  readonly duplicates = Object.create(null) as Record<string, number>
  /** Whether the client had an error. */
  errored = false
  /** MQTT 5.0: the reason code with which the broker ended the connection; null if the broker did not. */
  disconnectReasonCode: number | null = null
  #client: Client | undefined
  #packet: ConnectPacket | undefined
  #closing: Promise<void> | undefined
  #whenAttached: (() => void)[] = []
  /** In Aedes, a client is connected from `clientReady` on. */
  #isReady = false

  /** @param control receives the operations that only the broker may use */
  constructor(
    broker: ClientBroker,
    conn: Duplex,
    req: RequestWithDetails | undefined,
    control: (client: AedesClient, control: ClientControl) => void,
  ) {
    super()
    this.broker = broker
    this.conn = conn
    this.req = req
    this.connDetails = req?.connDetails ?? null
    control(this, {
      attach: client => {
        this.#client = client
        client.on('close', () => {
          // as in Aedes: calls back those who wait for the stream to drain
          conn.emit('drain')
          this.emit('close')
        })
        for (const step of this.#whenAttached.splice(0)) step()
      },
      identify: packet => {
        this.#packet = packet
      },
      ready: () => {
        this.#isReady = true
        this.emit('connected')
      },
      ended: reasonCode => {
        this.disconnectReasonCode ??= reasonCode
      },
    })
    // as in Aedes: an error event of the client ends its connection
    this.on('error', error => this.#failed(error))
  }

  /** Client identifier; null until CONNECT was read. */
  get id(): string | null {
    return this.#client?.id || this.#packet?.clientId || null
  }
  /** Protocol level; null until CONNECT was read. */
  get version(): number | null {
    return this.#packet === undefined ? null : (this.#client?.version ?? null)
  }
  /** Whether the client gets reason codes for refusals. */
  get speaksMqtt5(): boolean {
    return this.#packet?.protocolVersion === MQTT_5
  }
  /** Whether the session is a clean one. */
  get clean(): boolean {
    return this.#packet?.clean ?? true
  }
  /** The will that is published if the connection breaks. */
  get will(): Will | null {
    return this.#client?.will ?? null
  }
  get connecting(): boolean {
    const { connecting = false, connected = false } = this.#client ?? {}
    return connecting || (connected && !this.#isReady)
  }
  get connected(): boolean {
    return this.#isReady && this.#client?.connected === true
  }
  /** True as soon as the application closes it. */
  get closed(): boolean {
    return this.#closing !== undefined || (this.#client?.closed ?? false)
  }
  /** Whether CONNACK was sent with success. */
  get connackSent(): boolean {
    return this.#client?.connected ?? false
  }
  /** MQTT 5.0: seconds for which CONNECT asked the session to be kept. */
  get sessionExpiryInterval(): number {
    const asked = this.#packet?.properties?.sessionExpiryInterval ?? 0
    const limit = this.broker.opts.sessionExpiryIntervalLimit
    return limit > 0 ? Math.min(asked, limit) : asked
  }
  /** Topic filter -> subscription, as they are now. The object has no prototype. */
  get subscriptions(): Record<string, Subscription> {
    const subscriptions = Object.create(null) as Record<string, Subscription>
    for (const [topic, subscription] of this.#client?.subscriptions ?? []) subscriptions[topic] = { ...subscription }
    return subscriptions
  }
  /** The underlying client of Anax; undefined until the broker is started. */
  get anax(): Client | undefined {
    return this.#client
  }

  /** Sends a message to this client alone. */
  publish(message: PublishInput, callback: Callback = () => {}): void {
    this.#soon(client => client.publish(message), callback)
  }

  /** Subscribes this client, if `authorizeSubscribe` allows it. */
  subscribe(input: SubscribeInput, callback: Callback = () => {}): void {
    const subscriptions = 'subscriptions' in input ? input.subscriptions : [input].flat()
    this.#soon(() => this.broker.subscribeClient(this, subscriptions), callback)
  }

  /** Ends subscriptions of this client. */
  unsubscribe(input: UnsubscribeInput, callback: Callback = () => {}): void {
    this.#soon(client => client.unsubscribe(input), callback)
  }

  /** Calls back when the stream accepts more data, or with an error if the client disconnects before that. */
  waitForDrain(callback: (error: Error | null, client: AedesClient) => void): void {
    const { conn } = this
    const over = () => {
      conn.off('drain', over).off('close', over)
      callback(this.closed || conn.destroyed ? new Error('connection closed') : null, this)
    }
    conn.on('drain', over).on('close', over)
  }

  /** Closes the connection; the will is published. */
  close(callback: () => void = () => {}): void {
    if (this.#client === undefined) this.conn.destroy()
    this.#end(client => client.close()).then(callback, callback)
  }

  /** Closes the connection; an MQTT 5.0 client gets a reason code. */
  disconnect(input?: DisconnectInput | (() => void), callback: () => void = () => {}): void {
    const [{ reasonCode, properties }, done] = typeof input === 'function' ? [{}, input] : [input ?? {}, callback]
    if (this.speaksMqtt5) this.disconnectReasonCode = reasonCode ?? ReasonCode.AdministrativeAction
    const options = { ...(reasonCode !== undefined && { reasonCode }), ...properties }
    this.#end(client => client.disconnect(options)).then(done, done)
  }

  /** Removes the queued messages of the client's session. */
  emptyOutgoingQueue(callback: Callback = () => {}): void {
    this.broker.emptyQueueOf(this).then(
      () => callback(),
      error => callback(error),
    )
  }

  #end(step: (client: Client) => Promise<void>): Promise<void> {
    if (this.#closing === undefined) {
      this.broker.leaving(this)
      this.#closing = this.#attached().then(step)
    }
    return this.#closing
  }

  #soon(step: (client: Client) => Promise<void>, callback: Callback): void {
    this.#attached()
      .then(step)
      .then(
        () => callback(),
        error => callback(this.broker.told(error)),
      )
  }

  #attached(): Promise<Client> {
    if (this.#client !== undefined) return Promise.resolve(this.#client)
    return new Promise(resolve => this.#whenAttached.push(() => resolve(this.#client!)))
  }

  #failed(error: Error): void {
    this.errored = true
    this.broker.emit(this.id === null ? 'connectionError' : 'clientError', this, error)
    if (!this.closed) this.close()
  }
}
