/**
 * One stream with a client at its other end: reads packets, writes frames, and has one state. The public Client.
 * Owns the stream and the life of the connection; what a packet means is the handlers' business,
 * and what outlives the stream is the session's.
 *
 *   awaiting-connect -> connecting -> connected -> closing -> closed
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
import type {
  ConnectPacket,
  DisconnectProperties,
  Packet,
  Subscription,
  UserProperties,
  Will,
} from '../../types/packets.js'
import { Decoder } from '../codec/decoder.js'
import { type Dialect, dialectOf } from '../codec/dialect.js'
import { frames, publishFrame } from '../codec/encoder.js'
import { Frame } from '../codec/frame.js'
import { InboundTopicAliases, OutboundTopicAliases } from '../codec/topic-alias.js'
import { AnaxError, wrapError } from '../errors.js'
import type { Delivery } from './delivery.js'
import type { ExtendedExchange } from './extended-authentication.js'
import { ConnectProcess } from './handlers/connect.js'
import { receive } from './handlers/index.js'
import { disconnectClient, publishTo, subscribeClient, unsubscribeClient } from './host-requests.js'
import { Ingress } from './ingress.js'
import { secondsLeft } from './message.js'
import { Outbox } from './outbox.js'
import { fitPacket } from './packet-fitting.js'
import type { Ending, Link, Ports } from './ports.js'
import type { Session } from './session.js'
import { Timer } from './timers.js'

export type ConnectionState = 'awaiting-connect' | 'connecting' | 'connected' | 'closing' | 'closed'

/** What each state may become. */
const TRANSITIONS: Record<ConnectionState, readonly ConnectionState[]> = {
  'awaiting-connect': ['connecting', 'closing'],
  connecting: ['connected', 'closing'],
  connected: ['closing'],
  closing: ['closed'],
  closed: [],
}

/** Milliseconds a peer has to read the last packets and to close its side. */
const LINGER_MS = 1000

/** What a client and the broker agreed on in CONNECT and CONNACK. */
export interface Terms {
  id: string
  clean: boolean
  username: string | undefined
  userProperties: UserProperties | undefined
  will: Will | undefined
  /** Seconds. */
  keepalive: number
  /** The client's Receive Maximum. */
  receiveMaximum: number
  /** The client's Maximum Packet Size. */
  maximumPacketSize: number
  /** The client's Topic Alias Maximum. */
  topicAliasMaximum: number
  problemInformation: boolean
  authenticationMethod: string | undefined
}

const NO_TERMS: Terms = Object.freeze({
  id: '',
  clean: true,
  username: undefined,
  userProperties: undefined,
  will: undefined,
  keepalive: 0,
  receiveMaximum: 65_535,
  maximumPacketSize: Number.POSITIVE_INFINITY,
  topicAliasMaximum: 0,
  problemInformation: true,
  authenticationMethod: undefined,
})

const NO_SUBSCRIPTIONS: ReadonlyMap<string, ClientSubscription> = new Map()

export class Connection extends EventEmitter<ClientEvents> implements Client, Link {
  readonly conn: Duplex
  readonly req: IncomingMessage | undefined
  readonly ports: Ports
  readonly ingress: Ingress
  context: unknown
  terms: Terms = NO_TERMS
  dialect: Dialect = dialectOf(4)
  session: Session | undefined
  /** Set while CONNECT is being answered. */
  process: ConnectProcess | undefined
  reauthentication: ExtendedExchange | undefined
  inboundAliases: InboundTopicAliases | undefined
  /** Incoming QoS 1 messages that are not acknowledged yet. */
  unacknowledged = 0
  #state: ConnectionState = 'awaiting-connect'
  #hasVersion = false
  readonly #decoder: Decoder
  readonly #outbox: Outbox
  #outboundAliases: OutboundTopicAliases | undefined
  #receiving = false
  #paused = false
  #quiet = false
  #lastHeard = 0
  #blockedSince = 0
  readonly #timer = new Timer(() => this.#onTimer())
  #drainTimer: Timer | undefined
  #released: Promise<void> | undefined
  #onIdle: (() => void) | undefined

  constructor(stream: Duplex, request: IncomingMessage | undefined, ports: Ports) {
    super()
    this.conn = stream
    this.req = request
    this.ports = ports
    this.#decoder = new Decoder({ side: 'broker', maximumPacketSize: ports.options.maxPacketSize })
    this.#outbox = new Outbox(stream, ports.flusher, this.#onBlocked)
    this.ingress = new Ingress(
      ports.options.receiveMaximum + 1, // one more, so that a client that sends too many is noticed
      error => this.fail(wrapError('ANAX_ERR_STORE', error)),
      () => this.#onIngressDrained(),
    )
    ports.timers.schedule(this.#timer, ports.options.connectTimeout)
    stream.on('data', this.#onData)
    stream.on('drain', this.#onDrain)
    stream.on('error', this.#onError)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onEnd)
    if (stream.destroyed) queueMicrotask(this.#onEnd)
  }

  get id(): string {
    return this.terms.id
  }
  get clean(): boolean {
    return this.terms.clean
  }
  get version() {
    return this.#hasVersion ? this.dialect.version : undefined
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
  get state(): ConnectionState {
    return this.#state
  }
  get connecting(): boolean {
    return this.#state === 'connecting'
  }
  get connected(): boolean {
    return this.#state === 'connected'
  }
  get closed(): boolean {
    return this.#state === 'closed'
  }
  get subscriptions(): ReadonlyMap<string, ClientSubscription> {
    return this.session?.subscriptions ?? NO_SUBSCRIPTIONS
  }
  get client(): Client {
    return this
  }
  get ready(): boolean {
    return !this.#outbox.blocked && this.#state === 'connected'
  }

  publish(message: PublishInput): Promise<void>
  publish(message: PublishInput, callback: Callback): void
  publish(message: PublishInput, callback?: Callback): Promise<void> | void {
    return settle(publishTo(this, message), callback)
  }

  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }): Promise<void>
  subscribe(subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] }, callback: Callback): void
  subscribe(
    subscriptions: Subscription | Subscription[] | { subscriptions: Subscription[] },
    callback?: Callback,
  ): Promise<void> | void {
    return settle(subscribeClient(this, subscriptions), callback)
  }

  unsubscribe(topics: UnsubscribeInput): Promise<void>
  unsubscribe(topics: UnsubscribeInput, callback: Callback): void
  unsubscribe(topics: UnsubscribeInput, callback?: Callback): Promise<void> | void {
    return settle(unsubscribeClient(this, topics), callback)
  }

  close(): Promise<void>
  close(callback: () => void): void
  close(callback?: () => void): Promise<void> | void {
    return settle(this.disconnect(), callback)
  }

  disconnect(options: DisconnectOptions = {}): Promise<void> {
    return disconnectClient(this, options)
  }

  /** CONNECT arrived and is being looked at. */
  begin(packet: ConnectPacket): void {
    this.#become('connecting')
    this.setVersion()
    this.process = new ConnectProcess(this, packet)
    this.process.run()
  }

  /** The client was let in. */
  establish(session: Session): void {
    const { keepalive, receiveMaximum, topicAliasMaximum } = this.terms
    const { options, timers } = this.ports
    this.session = session
    this.#become('connected')
    session.attach(this, Math.min(receiveMaximum, options.maxInflight))
    const aliases = Math.min(topicAliasMaximum, options.maxOutboundTopicAliases)
    if (aliases > 0) this.#outboundAliases = new OutboundTopicAliases(aliases)
    if (options.topicAliasMaximum > 0) this.inboundAliases = new InboundTopicAliases(options.topicAliasMaximum)
    if (keepalive > 0) timers.schedule(this.#timer, keepalive * 1500)
    else timers.cancel(this.#timer)
  }

  /** Takes the version that the decoder saw in CONNECT. */
  setVersion(): void {
    this.#hasVersion = true
    this.dialect = dialectOf(this.#decoder.protocolVersion)
  }

  /** Goes on reading what the client sent behind CONNECT, or behind a packet of an authentication. */
  readOn(): void {
    this.#receive()
    if (this.#paused && this.#mayRead) {
      this.#paused = false
      this.conn.resume()
    }
  }

  /** Writes a packet, cut to what the client accepts. */
  send(packet: Packet): void {
    const bytes = fitPacket(packet, this.dialect, this.terms)
    if (bytes !== undefined) this.#outbox.add(new Frame(bytes, 0, undefined))
  }

  write(frame: Frame, packetId: number): void {
    this.#outbox.add(frame, packetId)
  }

  frame(delivery: Delivery, attempt: 'first' | 'again'): Frame | undefined {
    const { message, qos, retain, subscriptionIdentifiers } = delivery
    const { version, hasProperties } = this.dialect
    const messageExpiryInterval = hasProperties ? secondsLeft(message, this.ports.timers.now()) : undefined
    const alias = this.#outboundAliases?.assign(message.topic)
    const frame =
      attempt === 'first' && alias === undefined
        ? delivery.frame(version, messageExpiryInterval)
        : publishFrame(message, version, {
            qos,
            retain,
            dup: attempt === 'again',
            subscriptionIdentifiers,
            messageExpiryInterval,
            topicAlias: alias?.alias,
            omitTopic: alias?.state === 'known',
          })
    return frame.length > this.terms.maximumPacketSize ? undefined : frame
  }

  release(): Frame {
    return frames.pubrel
  }

  /** Ends the connection because of an error: says so where the version can, and tells the host. */
  fail(error: AnaxError, properties?: DisconnectProperties): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    const wasConnected = this.#state === 'connected'
    if (wasConnected) this.#sayGoodbye(error.reasonCode, properties)
    this.end({ will: 'publish', reason: error })
    this.ports.events.emit(wasConnected ? 'clientError' : 'connectionError', this, error)
  }

  /** Ends the connection on the broker's own behalf: takeover, shutdown, an administrative action. */
  dismiss(error: AnaxError, properties?: DisconnectProperties): Promise<void> {
    if (this.#state === 'connected') this.#sayGoodbye(error.reasonCode, properties)
    return this.end({ will: 'publish', reason: error })
  }

  /** Ends the connection; resolves when nothing of it is left. */
  end(ending: Ending): Promise<void> {
    if (this.#released !== undefined) return this.#released
    this.#become('closing')
    this.ports.timers.cancel(this.#timer)
    this.#outbox.flush()
    if (!this.conn.destroyed) {
      this.conn.end(() => this.conn.destroy())
      this.#drainTimer ??= new Timer(() => this.#onDrainTimer())
      this.ports.timers.schedule(this.#drainTimer, LINGER_MS)
      // reading on, into nothing, lets a peer that closes its side be noticed
      this.conn.resume()
    }
    this.#released = this.#releaseAll(ending)
    return this.#released
  }

  /** Reads no more; resolves when all that was received is answered. */
  async quiesce(): Promise<void> {
    this.#quiet = true
    if (this.#state === 'connected' && !this.ingress.idle) await this.#idle()
  }

  async #releaseAll(ending: Ending): Promise<void> {
    await this.process?.done
    if (!this.ingress.idle) await this.#idle()
    if (this.session !== undefined) {
      await this.ports.sessions.release(this, ending)
      this.ports.events.emit('clientDisconnect', this)
    }
    this.#become('closed')
    this.emit('close')
  }

  #idle(): Promise<void> {
    return new Promise(resolve => {
      const earlier = this.#onIdle
      this.#onIdle = () => {
        earlier?.()
        resolve()
      }
    })
  }

  #become(state: ConnectionState): void {
    if (!TRANSITIONS[this.#state].includes(state))
      throw new Error(`A connection cannot go from ${this.#state} to ${state}`)
    this.#state = state
  }

  #sayGoodbye(reasonCode: number, properties?: DisconnectProperties): void {
    const packet = this.dialect.disconnect(reasonCode, properties)
    if (packet !== undefined) this.send(packet)
  }

  get #mayRead(): boolean {
    if (this.#quiet) return false
    if (this.#state === 'connected') return !this.ingress.full
    return this.#state === 'awaiting-connect' || (this.#state === 'connecting' && this.process!.awaitsPacket)
  }

  #receive(): void {
    if (this.#receiving) return
    this.#receiving = true
    while (this.#mayRead) {
      const packet = this.#decoder.next()
      if (packet === undefined) break
      receive(this, packet)
    }
    this.#receiving = false
    const { error } = this.#decoder
    if (error !== undefined && this.#mayRead) this.#onMalformed(error)
  }

  #onMalformed(error: AnaxError): void {
    if (this.#state !== 'connected') {
      this.setVersion()
      // [MQTT-3.1.4-1]: a CONNECT that cannot be read may be answered, anything else before it may not
      const answer = this.#decoder.inConnect
        ? this.dialect.connack({ reasonCode: error.reasonCode, sessionPresent: false })
        : undefined
      if (answer !== undefined) this.send(answer)
    }
    this.fail(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#lastHeard = this.ports.timers.now()
    this.#decoder.push(chunk)
    this.#receive()
    if (!this.#mayRead && !this.#paused && this.#released === undefined) {
      this.#paused = true
      this.conn.pause()
    }
  }

  readonly #onBlocked = (): void => {
    this.#blockedSince = this.ports.timers.now()
    this.#watchDrain(this.ports.options.drainTimeout)
  }

  /** One timer watches a stream that fills and drains all the time: it is not moved for each. */
  #watchDrain(delayMs: number): void {
    if (this.ports.options.drainTimeout === 0 || this.#state !== 'connected') return
    this.#drainTimer ??= new Timer(() => this.#onDrainTimer())
    if (this.#drainTimer.index === -1) this.ports.timers.schedule(this.#drainTimer, delayMs)
  }

  #onDrainTimer(): void {
    if (this.#state !== 'connected') {
      this.conn.destroy()
      return
    }
    if (!this.#outbox.blocked) return
    const left = this.#blockedSince + this.ports.options.drainTimeout - this.ports.timers.now()
    if (left > 0) this.#watchDrain(left)
    else this.fail(new AnaxError('ANAX_ERR_DRAIN_TIMEOUT'))
  }

  readonly #onDrain = (): void => {
    this.#outbox.drained()
    this.session?.outgoing?.pump()
  }

  readonly #onEnd = (): void => {
    this.end({ will: 'publish', reason: undefined })
  }

  readonly #onError = (error: Error): void => {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.fail(wrapError('ANAX_ERR_STREAM', error))
  }

  #onIngressDrained(): void {
    if (this.ingress.idle && this.#onIdle) {
      const waiting = this.#onIdle
      this.#onIdle = undefined
      waiting()
    }
    if (this.#paused && this.#state === 'connected') this.readOn()
  }

  #onTimer(): void {
    if (this.#state !== 'connected') {
      this.fail(new AnaxError('ANAX_ERR_CONNECT_TIMEOUT'))
      return
    }
    const { timers, events } = this.ports
    // a client that the broker does not listen to is not silent
    const silentMs = this.#paused ? 0 : timers.now() - this.#lastHeard
    const allowedMs = this.terms.keepalive * 1500
    if (silentMs < allowedMs) {
      timers.schedule(this.#timer, allowedMs - silentMs)
      return
    }
    events.emit('keepaliveTimeout', this)
    this.fail(new AnaxError('ANAX_ERR_KEEP_ALIVE'))
  }
}

function settle(promise: Promise<void>, callback?: (error?: Error | null) => void): Promise<void> | void {
  if (callback === undefined) return promise
  promise.then(
    () => callback(null),
    error => callback(error),
  )
}
