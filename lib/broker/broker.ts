/**
 * The public broker object. Owns its names and their two styles, promises and callbacks; all work is done by its parts.
 */
import { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Broker as BrokerContract, DrainOptions, MessageListener } from '../../types/broker/broker.js'
import type { BrokerEvents, DropReason } from '../../types/broker/events.js'
import type { Hooks } from '../../types/broker/hooks.js'
import type {
  BrokerLimits,
  BrokerStats,
  Page,
  QueuedInfo,
  SampleOptions,
  SessionInfo,
  SessionQuery,
  SlowClient,
  SubscriptionInfo,
  SubscriptionQuery,
  TimingListener,
} from '../../types/broker/inspection.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import type { Callback, Client, ConnectionDetails, DisconnectOptions, PublishInput } from '../../types/client/client.js'
import type { ClusterStats } from '../../types/cluster.js'
import type { Message } from '../../types/message/message.js'
import type { PayloadInput, PayloadSchema } from '../../types/message/payload.js'
import type { MqttConnection } from '../client/connection.js'
import type { PublishOptions } from '../client/options.js'
import { ownPayload, PublishMessage } from '../codec/publish-message.js'
import { Connection } from '../connection/connection.js'
import { connectionSource } from '../connection/connection-source.js'
import { AnaxError } from '../errors.js'
import { messageOfInput, startExpiry } from '../model/message.js'
import { recordOf } from '../model/routing-record.js'
import { createMemoryPersistence } from '../persistence/memory/memory.js'
import { type TopicNameParams, TopicPattern } from '../topic/topic-pattern.js'
import { withCallback } from '../util/maybe-promise.js'
import { endIfTooMany } from './admission/open-streams.js'
import { HOOKS } from './hooks/hook-names.js'
import { filterOf, isDuplex, isSchema, patternOf } from './host/arguments.js'
import { HostListeners } from './host/host-listeners.js'
import { type HostClientOptions, HostSide, type Responder } from './host/host-side.js'
import type { MessageStream, MessagesOptions } from './host/message-stream.js'
import type { RequestHandler, RequestOptions } from './host/requests.js'
import { typedListener, type ValueListener } from './host/typed-listener.js'
import { UnawaitedCalls } from './host/unawaited-calls.js'
import { Inspection } from './inspection/inspection.js'
import { limitsOf, statsOf } from './inspection/stats.js'
import { resolveOptions, systemClock } from './options.js'
import { type BrokerParts, createParts } from './parts/parts.js'
import { runOf } from './run-id.js'

/** An MQTT broker without sockets of its own; types/broker/broker.ts documents each member. */
export class Broker extends EventEmitter<BrokerEvents> implements BrokerContract {
  readonly id: string
  declare preConnect: Hooks['preConnect']
  declare authenticate: Hooks['authenticate']
  declare authenticateExtended: Hooks['authenticateExtended']
  declare authorizePublish: Hooks['authorizePublish']
  declare authorizeSubscribe: Hooks['authorizeSubscribe']
  declare authorizeForward: Hooks['authorizeForward']
  declare published: Hooks['published']
  readonly #parts: BrokerParts
  readonly #host: HostSide
  readonly #unawaited = new UnawaitedCalls()
  readonly #listeners: HostListeners
  readonly #inspection: Inspection

  static {
    for (const name of HOOKS) {
      Object.defineProperty(Broker.prototype, name, {
        configurable: true,
        get(this: Broker) {
          return this.#parts.authorizer.hooks[name]
        },
        set(this: Broker, hook: never) {
          this.#parts.authorizer.set(name, hook)
        },
      })
    }
  }

  /**
   * Creates a broker that is not started; `createBroker` creates and starts one.
   * @throws AnaxError ANAX_ERR_OPTION, ANAX_ERR_HOOK_STYLE
   */
  constructor(options: BrokerOptions = {}) {
    super()
    const resolved = resolveOptions(options)
    this.id = resolved.id
    const clock = options.clock ?? systemClock
    this.#parts = createParts(this, resolved, {
      runId: options.id === undefined ? resolved.id : runOf(resolved.id, clock.now()),
      clock,
      mq: options.mq,
      cluster: options.cluster,
      persistence: options.persistence ?? createMemoryPersistence({ now: () => clock.now() }),
    })
    this.#listeners = new HostListeners(this.#parts)
    this.#inspection = new Inspection(this.#parts)
    this.#host = new HostSide({
      id: this.id,
      clock,
      handle: this.handle,
      subscribe: (filter, listener) =>
        this.#subscribe(filter, listener, (message: Message) => {
          // the reader may keep the message: copy its payload
          if (message instanceof PublishMessage) ownPayload(message)
          return listener(message)
        }),
      unsubscribe: (filter, listener) => this.#listeners.remove(filter, listener),
      publish: async packet => {
        const message = this.#messageOf(packet)
        await this.#send(message)
        return recordOf(message)?.reachesNobody !== true
      },
      retained: filter => this.#parts.store.retained([filter]),
      exempt: client => this.#parts.authorizer.exempt(client),
      failed: (topic, cause, client) => this.#listeners.failed(topic, cause, client),
    })
    for (const name of HOOKS) {
      if (options[name] != null) this.#parts.authorizer.set(name, options[name])
    }
  }

  get closed(): boolean {
    return !this.#parts.lifecycle.isListening
  }
  get ready(): boolean {
    return this.#parts.lifecycle.isReady
  }
  get overloaded(): boolean {
    return this.#parts.overload.isOn
  }
  get refusesAll(): boolean {
    return this.#parts.overloadGate.refusesAll
  }
  get cluster(): ClusterStats | undefined {
    return this.#parts.cluster?.stats
  }
  get connectedClients(): number {
    return this.#parts.sessions.size
  }
  get clients(): Readonly<Record<string, Client>> {
    return this.#parts.connected.byId
  }
  get drops(): Readonly<Record<DropReason, number>> {
    return this.#parts.drops.byReason
  }
  get limits(): BrokerLimits {
    return limitsOf(this.#parts.options)
  }

  listen(): Promise<void> {
    return this.#parts.lifecycle.listen()
  }

  readonly handle = (stream: Duplex, request?: IncomingMessage, details?: ConnectionDetails): Client => {
    const { options, ports, connections, counts, lifecycle } = this.#parts
    lifecycle.assertStarted()
    if (!isDuplex(stream)) throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'not a duplex stream' })
    const connection = new Connection(connectionSource(stream, request, details), ports, connections)
    counts.connections++
    endIfTooMany(connection, connections.size, options)
    if (!lifecycle.isListening) {
      connection.disconnect(new AnaxError('ANAX_ERR_SHUTTING_DOWN'))
      // before CONNECT no packet can be sent, and after `close` nothing would handle the end of the stream
      stream.destroy()
    }
    return connection.client
  }

  publish(packet: PublishInput): Promise<void>
  publish(packet: PublishInput, callback: Callback): void
  /**
   * Encodes a value with a schema and publishes it on a topic with named levels.
   * @throws AnaxError ANAX_ERR_PAYLOAD for a value that does not fit, and whatever `publish` throws
   */
  publish<Pattern extends string, Schema extends PayloadSchema>(
    topic: TopicPattern<Pattern>,
    params: TopicNameParams<Pattern>,
    schema: Schema,
    value: PayloadInput<Schema>,
    options?: PublishOptions,
  ): Promise<void>
  publish(packet: PublishInput | TopicPattern, ...rest: unknown[]): Promise<void> | void {
    if (packet instanceof TopicPattern) {
      const [params, schema, value, options = {}] = rest as [never, PayloadSchema, never, PublishOptions?]
      return this.#host.publishValue(packet, params, schema, value, options)
    }
    return withCallback(this.#publish(packet), rest[0] as Callback | undefined)
  }

  /**
   * Calls a function with the decoded value, the named levels and the message. If a payload does not match the schema,
   * the function is not called, and a `hookError` event has ANAX_ERR_PAYLOAD as its cause.
   * @throws AnaxError ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED, ANAX_ERR_NOT_LISTENING, ANAX_ERR_BUS
   */
  subscribe<Pattern extends string, Schema extends PayloadSchema>(
    topic: TopicPattern<Pattern>,
    schema: Schema,
    listener: ValueListener<Pattern, Schema>,
  ): Promise<void>
  subscribe(topic: string | TopicPattern, listener: MessageListener): Promise<void>
  subscribe(topic: string | TopicPattern, listener: MessageListener, callback: () => void): void
  subscribe(topic: string | TopicPattern, second: unknown, third?: unknown): Promise<void> | void {
    if (isSchema(second)) return this.#subscribeValues(topic, second, third as ValueListener<string, PayloadSchema>)
    return withCallback(this.#subscribe(filterOf(topic), second as MessageListener), third as Callback | undefined)
  }

  unsubscribe(topic: string | TopicPattern, listener: (...args: never[]) => unknown): Promise<void>
  unsubscribe(topic: string | TopicPattern, listener: (...args: never[]) => unknown, callback: () => void): void
  unsubscribe(
    topic: string | TopicPattern,
    listener: (...args: never[]) => unknown,
    callback?: () => void,
  ): Promise<void> | void {
    return withCallback(this.#listeners.remove(filterOf(topic), listener), callback)
  }

  /**
   * Iterates the messages of a filter: optionally the retained ones first, then those published from now on. A slow
   * reader does not delay the broker: unread messages are queued up to a limit.
   * @throws AnaxError ANAX_ERR_ARGUMENT for wrong options; when it is iterated, ANAX_ERR_ARGUMENT, ANAX_ERR_CLOSED,
   * ANAX_ERR_BUS, ANAX_ERR_STORE
   */
  messages(filter: string | TopicPattern, options: MessagesOptions = {}): MessageStream {
    return this.#host.messages(filterOf(filter), options)
  }

  stats(): BrokerStats {
    return statsOf(this.#parts, this.#parts.lifecycle)
  }

  async sessions(query: SessionQuery = {}): Promise<Page<SessionInfo>> {
    return this.#inspect().sessions(query)
  }

  async session(clientId: string): Promise<SessionInfo | undefined> {
    return this.#inspect().session(clientId)
  }

  async subscriptions(query: SubscriptionQuery = {}): Promise<Page<SubscriptionInfo>> {
    return this.#inspect().subscriptions(query)
  }

  sampleTimings(listener: TimingListener, options: SampleOptions = {}): () => void {
    return this.#inspection.sampleTimings(listener, options)
  }

  slowClients(limit = 10): SlowClient[] {
    return this.#inspection.slowClients(limit)
  }

  async *queued(clientId: string): AsyncGenerator<QueuedInfo, void, undefined> {
    yield* this.#inspect().queued(clientId)
  }

  async *retained(filter: string | TopicPattern): AsyncGenerator<Message, void, undefined> {
    yield* this.#inspect().retained(filterOf(filter))
  }

  async deleteRetained(filter: string | TopicPattern): Promise<number> {
    return this.#inspect().deleteRetained(filterOf(filter))
  }

  async deleteSession(clientId: string): Promise<boolean> {
    return this.#inspect().deleteSession(clientId)
  }

  async disconnect(clientId: string, options: DisconnectOptions = {}): Promise<boolean> {
    const client = this.clients[clientId]
    await client?.disconnect(options)
    return client !== undefined
  }

  /**
   * Creates a client within the process, with all features of an MQTT client: a session, QoS 1 and 2, shared
   * subscriptions, a will. Hooks are not called for it unless `hooks: 'ask'`.
   * @throws AnaxError ANAX_ERR_REFUSED, ANAX_ERR_TIMEOUT, ANAX_ERR_NOT_CONNECTED, ANAX_ERR_CLOSED,
   * ANAX_ERR_NOT_LISTENING
   */
  client(options: HostClientOptions = {}): Promise<MqttConnection> {
    return this.#host.client(options)
  }

  /**
   * Publishes a request with a response topic and correlation data, and resolves with the first response.
   * @throws AnaxError ANAX_ERR_ARGUMENT for wrong options, ANAX_ERR_NO_SUBSCRIBERS if no subscription matches,
   * ANAX_ERR_TIMEOUT if no response arrives in time, and the errors of `publish`
   */
  request(topic: string, payload: string | Buffer = '', options: RequestOptions = {}): Promise<Message> {
    return this.#host.request(topic, payload, options)
  }

  /**
   * Responds to the requests of a filter with the handler's result. If the handler fails, a `hookError` event reports
   * it and no response is sent.
   * @throws AnaxError as `subscribe`
   */
  respond(filter: string | TopicPattern, handler: RequestHandler): Promise<Responder> {
    return this.#host.respond(filterOf(filter), handler)
  }

  async drain(options: DrainOptions = {}): Promise<void> {
    this.#parts.lifecycle.assertListening()
    await this.#parts.draining.begin(options)
  }

  close(): Promise<void>
  close(callback: () => void): void
  close(callback?: () => void): Promise<void> | void {
    const closed = this.#parts.lifecycle.close(() => this.#host.close())
    // a hook that awaits `close` would otherwise wait for itself
    return withCallback(this.#parts.authorizer.isCalling ? Promise.resolve() : closed, callback)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #publish(packet: PublishInput): Promise<void> {
    try {
      return this.#send(this.#messageOf(packet))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #messageOf(packet: PublishInput): PublishMessage {
    this.#parts.lifecycle.assertListening()
    const message = messageOfInput(packet, this.#parts.options.maxTopicLevels)
    startExpiry(message, this.#parts.timers.wallTime())
    return message
  }

  /** Awaits only what is necessary: of a call that is finished at once, nothing is kept. */
  async #send(message: PublishMessage): Promise<void> {
    const { own, backPressure } = this.#parts
    const published = own.publish(message)
    if (published !== undefined) {
      this.#unawaited.look(own.size)
      await published
    }
    const room = backPressure.roomForNext(message)
    if (room !== undefined) await room
  }

  /** @param receive the function that is called instead of the listener */
  async #subscribe(topic: string, listener: unknown, receive = listener): Promise<void> {
    this.#parts.lifecycle.assertListening()
    await this.#listeners.add(topic, listener, receive)
  }

  async #subscribeValues<Schema>(
    topic: string | TopicPattern,
    schema: Schema,
    listener: ValueListener<string, Schema>,
  ): Promise<void> {
    const pattern = patternOf(topic)
    await this.#subscribe(pattern.filter, listener, typedListener(pattern, schema, listener))
  }

  #inspect(): Inspection {
    this.#parts.lifecycle.assertListening()
    return this.#inspection
  }
}
