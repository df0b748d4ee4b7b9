/**
 * The broker with the interface of Aedes, on top of a broker of Anax. Owns Aedes's names: its members, hooks, events
 * and callbacks. The underlying broker does the work, and its guarantees apply.
 */
import { randomUUID } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
// @ts-expect-error: the package has no declarations
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js'
import mqemitter from 'mqemitter'
import type { MessageListener } from '../../types/broker/broker.js'
import type { RefusalError } from '../../types/broker/hooks.js'
import type { Bus, BusListener } from '../../types/bus.js'
import type { Callback, Client, PublishInput } from '../../types/client/client.js'
import type { ConnectPacket, Subscription, Will } from '../../types/message/packets.js'
import type { AedesPersistence, StoredWill } from '../../types/persistence.js'
import { Broker } from '../index.js'
import { BlockedClients } from './blocked-clients.js'
import { borrowed, plainBus } from './borrowed.js'
import { AedesClient, type ClientBroker, type ClientControl, type RequestWithDetails } from './client.js'
import { aedesError, tooDeep } from './errors.js'
import { EventRelay } from './events/event-relay.js'
import { PendingSessions } from './events/pending-sessions.js'
import { Presence } from './events/presence.js'
import { connectError } from './hooks/connect-checks.js'
import { askForSubscription, type HookScene, installHook } from './hooks/hook-adapter.js'
import { HOOKS, HookedBroker } from './hooks/hooked-broker.js'
import { HostSubscriptions } from './hooks/host-subscriptions.js'
import { brokerOptionsOf, type FullAedesOptions, optionsOf } from './options.js'
import type { AedesHooks, AedesOptions, Brokers } from './types.js'

/** The release of Aedes with this interface. */
const VERSION = '1.2.0'

const MQTT_5 = 5

/**
 * An MQTT broker with the interface of Aedes. Create it with {@link Aedes.createBroker}, or with `new` and `listen`.
 * Without `listen` it starts with its first stream or message.
 */
export class Aedes extends HookedBroker {
  /** The options, including Aedes's defaults. */
  readonly opts: FullAedesOptions
  /** The option `id`, or a UUID. */
  readonly id: string
  /** The bus: the option `mq`, or a `mqemitter` within this process. */
  readonly mq: Bus
  /** The store: the option `persistence`, or one in memory. */
  readonly persistence: AedesPersistence
  /** Client identifier -> connected client. The object has no prototype. */
  readonly clients = Object.create(null) as Record<string, AedesClient>
  queueLimit: number
  connectTimeout: number
  keepaliveLimit: number
  maxClientsIdLength: number
  maxTopicLevels: number
  maxInflightInbound: number
  /** For the transport: see `aedes-server-factory`. */
  decodeProtocol: AedesOptions['decodeProtocol']
  trustProxy: boolean
  trustedProxies: string[]
  readonly #broker: Broker
  readonly #presence: Presence
  readonly #clients = new WeakMap<Client, AedesClient>()
  readonly #controls = new WeakMap<AedesClient, ClientControl>()
  /** Connected clients that the application has closed. */
  readonly #leaving = new Set<AedesClient>()
  readonly #listeners = new WeakMap<MessageListener, BusListener>()
  readonly #scene: HookScene
  readonly #relay: EventRelay
  readonly #pending: PendingSessions
  readonly #blocked = new BlockedClients()
  readonly #hostSubscriptions = new HostSubscriptions()
  /** Streams that were passed before the broker was started. */
  #early: (() => void)[] | undefined = []
  #started: Promise<void> | undefined
  #isClosing = false
  /** The number of the last message on the bus. */
  #counter = 0
  #retainedRead = 0

  /** Creates a broker that is not started; {@link Aedes.createBroker} creates and starts one. */
  constructor(options?: AedesOptions) {
    super()
    const opts = optionsOf(options)
    this.opts = opts
    this.mq = opts.mq ?? (mqemitter({ concurrency: opts.concurrency, matchEmptyLevels: true }) as unknown as Bus)
    this.persistence = opts.persistence ?? (new MemoryPersistence() as AedesPersistence)
    const { responseInformation } = opts
    this.#broker = new Broker({
      ...brokerOptionsOf(opts, isBrokerOption),
      ...(typeof responseInformation === 'string' && { responseInformation }),
      ...(typeof responseInformation === 'function' && {
        responseInformation: client => responseInformation(this.#clients.get(client)!),
      }),
      mq: plainBus(this.mq, ({ brokerCounter = this.#counter }) => {
        this.#counter = brokerCounter
      }),
      persistence: borrowed(this.persistence, () => this.#retainedRead++),
    })
    this.id = this.#broker.id
    this.queueLimit = opts.queueLimit
    this.connectTimeout = opts.connectTimeout
    this.keepaliveLimit = opts.keepaliveLimit
    this.maxClientsIdLength = opts.maxClientsIdLength
    this.maxTopicLevels = opts.maxTopicLevels
    this.maxInflightInbound = opts.maxInflightInbound
    this.decodeProtocol = opts.decodeProtocol
    this.trustProxy = opts.trustProxy
    this.trustedProxies = opts.trustedProxies
    this.#scene = {
      aedes: this,
      clientOf: client => this.#clients.get(client)!,
      publisherOf: client => (client && this.#clients.get(client)) ?? null,
      admit: (client, packet) => this.#admit(client, packet),
      refused: (client, error) => this.#relay.refused(client, error),
      failed: (client, error) => this.#relay.failed(client, error),
      isOver: client => client.closed || this.closed,
      giveUp: (client, isOwed) => this.#giveUp(client, isOwed),
    }
    this.#pending = new PendingSessions({
      broker: this.#broker,
      limit: opts.pendingSessionsLimit,
      emit: (event, ...args) => (this as EventEmitter).emit(event, ...args),
    })
    this.#presence = new Presence({
      id: this.id,
      mq: this.mq,
      persistence: this.persistence,
      heartbeatInterval: opts.heartbeatInterval,
      publish: packet => (this.#isClosing ? this.#emitLast(packet) : this.#broker.publish(packet)),
      publishWill: will => this.#publishWill(will),
      leave: clientId => this.clients[clientId]?.close(),
      born: brokerId => {
        for (const client of Object.values(this.clients)) delete client.duplicates[brokerId]
      },
      failed: error => this.#relay.fail(error),
    })
    this.#relay = new EventRelay({
      aedes: this,
      broker: this.#broker,
      pending: this.#pending,
      hostSubscriptions: this.#hostSubscriptions,
      clientOf: client => this.#clients.get(client)!,
      controlOf: client => this.#controls.get(client)!,
      say: (what, payload) => void this.#presence.say(what, payload),
      told: error => this.told(error),
    })
    installHook(this.#broker, this.#scene, 'preConnect', undefined)
    // without a hook, Aedes disconnects clients that publish below `$SYS/`
    installHook(this.#broker, this.#scene, 'authorizePublish', this.authorizePublish)
    for (const name of HOOKS) if (opts[name] !== undefined) this.setHook(name, opts[name])
  }

  /** Creates a broker and starts it. */
  static async createBroker(options?: AedesOptions): Promise<Aedes> {
    const broker = new Aedes(options)
    await broker.listen()
    return broker
  }

  get closed(): boolean {
    return this.#isClosing || this.#broker.closed
  }
  get connectedClients(): number {
    return this.#broker.connectedClients - this.#leaving.size
  }
  /** Other brokers on the same bus. */
  get brokers(): Brokers {
    return this.#presence.brokers
  }
  /**
   * The number of messages that this broker has published; as in Aedes, a retained one counts again for each
   * subscriber.
   */
  get counter(): number {
    return this.#counter + this.#retainedRead
  }
  /** The release of Aedes with this interface. */
  get version(): string {
    return VERSION
  }
  /** MQTT 5.0: client identifier -> disconnected client with a session. */
  get expiringSessions(): ReadonlyMap<string, AedesClient> {
    return this.#pending.sessions
  }
  /** MQTT 5.0: client identifier -> delayed will. */
  get delayedWills(): ReadonlyMap<string, Will> {
    return this.#pending.wills
  }
  /** The underlying broker of Anax, for events, options and methods that Aedes does not have. */
  get anax(): Broker {
    return this.#broker
  }

  /** Opens the store and serves the streams that were passed before. A second call waits for the first. */
  listen(): Promise<void> {
    this.#started ??= this.#start()
    return this.#started
  }

  /** Starts the broker for an application that does not call {@link Aedes.listen}, and so does not see it fail. */
  protected startByItself(): void {
    if (!this.#isClosing) this.listen().catch(error => this.emit('error', error))
  }

  async #start(): Promise<void> {
    if (this.persistence.setup?.constructor.name !== 'AsyncFunction') {
      const hint = 'stores with callbacks are of Aedes before 1.0: take their newest version'
      throw new Error(`persistence.setup() must be an async function (${hint})`)
    }
    await this.#broker.listen()
    await this.#presence.start()
    for (const handle of this.#early?.splice(0) ?? []) handle()
    this.#early = undefined
  }

  /** Serves the client at the other end of a stream; bound to the broker. */
  readonly handle = (conn: Duplex, req?: RequestWithDetails): AedesClient => {
    const client = new AedesClient(this as unknown as ClientBroker, conn, req, (made, control) =>
      this.#controls.set(made, control),
    )
    Object.assign(conn, { client })
    const handle = () => this.#attach(client)
    if (this.#early === undefined) handle()
    else {
      this.#early.push(handle)
      if (this.#started === undefined) this.startByItself()
    }
    return client
  }

  /**
   * Publishes for the application, or for a client. Calls back when the streams of all receivers have accepted the
   * message, in a later turn of the event loop, so that a loop that waits for it is not faster than its receivers.
   */
  publish(packet: PublishInput, done?: Callback): void
  publish(packet: PublishInput, client: AedesClient | null, done?: Callback): void
  publish(packet: PublishInput, second?: AedesClient | null | Callback, third?: Callback): void {
    const done = typeof second === 'function' ? second : third
    if (this.#isTooDeep(packet.topic, done)) return
    const publish = async () => {
      await this.#broker.publish(packet)
      if (done !== undefined) await this.#blocked.taken(packet.topic)
    }
    this.#soon(publish, done)
  }

  /** Calls a function with every message that matches a filter. Nothing waits for it. */
  subscribe(topic: string, listener: MessageListener, done: Callback = () => {}): void {
    if (!this.#isTooDeep(topic, done)) this.mq.on(topic, this.#listenerOf(listener), done)
  }

  /** Ends {@link Aedes.subscribe}: the same filter, the same function. */
  unsubscribe(topic: string, listener: MessageListener, done: Callback = () => {}): void {
    if (!this.#isTooDeep(topic, done)) this.mq.removeListener(topic, this.#listenerOf(listener), done)
  }

  /** Closes the connections, the bus and then the broker. The store stays open, as in Aedes. */
  close(done: () => void = () => {}): void {
    if (this.#isClosing) {
      done()
      return
    }
    this.#isClosing = true
    this.#presence.stop()
    this.#pending.close(Object.values(this.clients))
    this.#broker.close().then(done, done)
  }

  /** Subscribes a client to the filters that `authorizeSubscribe` allows. */
  async subscribeClient(client: AedesClient, subscriptions: Subscription[]): Promise<void> {
    const ask = (subscription: Subscription) =>
      askForSubscription(this.#scene, this.authorizeSubscribe, client, subscription)
    const refused = await this.#hostSubscriptions.subscribe(client.anax!, subscriptions, ask)
    if (refused !== undefined) this.#relay.subscribed(refused, client.anax!)
  }

  /** Called when the application closes a client, which then no longer counts as connected. */
  leaving(client: AedesClient): void {
    if (client.anax?.connected !== true) return
    this.#leaving.add(client)
    client.once('close', () => this.#leaving.delete(client))
  }

  /** Converts an error to the form that applications of Aedes expect. */
  told(error: Error): Error {
    return aedesError(error, this.opts)
  }

  /** Removes the queued messages of a client's session. */
  async emptyQueueOf({ id }: AedesClient): Promise<void> {
    if (id === null) return
    for await (const packet of this.persistence.outgoingStream({ id })) {
      const { messageId } = packet
      if (messageId !== undefined) await this.persistence.outgoingClearMessageId({ id }, { messageId })
    }
  }

  /** The bus listener of a function: always the same one, so that it can be found again. */
  #listenerOf(listener: MessageListener): BusListener {
    const known = this.#listeners.get(listener)
    if (known !== undefined) return known
    const told: BusListener = (packet, done) => {
      done()
      try {
        listener(packet, () => {})
      } catch (error) {
        this.#relay.fail(error as Error)
      }
    }
    this.#listeners.set(listener, told)
    return told
  }

  /** Reports a topic with too many levels, which Aedes refuses, although the underlying broker would accept it. */
  #isTooDeep(topic: string, done: Callback = () => {}): boolean {
    if (typeof topic !== 'string' || topic.split('/').length <= this.maxTopicLevels) return false
    done(tooDeep())
    return true
  }

  #soon(step: () => Promise<void>, done: Callback = () => {}): void {
    if (this.#started === undefined) this.startByItself()
    const started = this.#started ?? Promise.resolve()
    started.then(step).then(
      () => done(),
      error => done(this.told(error)),
    )
  }

  #attach(client: AedesClient): void {
    const underneath = this.#broker.handle(client.conn, client.req)
    this.#clients.set(underneath, client)
    this.#blocked.watch(underneath)
    this.#controls.get(client)!.attach(underneath)
  }

  /** Disconnects a client. An MQTT 5.0 client gets a reason, and before that the pending answer. */
  #giveUp(client: AedesClient, isOwed: boolean): void {
    if (client.speaksMqtt5) return
    client.conn.destroy()
    if (isOwed) process.nextTick(() => this.emit('clientError', client, new Error('connection closed')))
  }

  protected override install<Name extends keyof AedesHooks>(name: Name, hook: AedesHooks[Name] | undefined): void {
    installHook(this.#broker, this.#scene, name, hook)
  }

  /** The checks of Aedes after `preConnect` has accepted a client. */
  #admit(client: AedesClient, packet: ConnectPacket): RefusalError | undefined {
    const { maxClientsIdLength, keepaliveLimit } = this
    const hasMethods = this.#broker.authenticateExtended != null
    const error = connectError(packet, { maxClientsIdLength, keepaliveLimit, hasMethods })
    if (error !== undefined) return error
    const { clientId, protocolVersion } = packet
    if (clientId === '' && protocolVersion !== MQTT_5 && packet.clean) packet.clientId = `aedes_${randomUUID()}`
    this.#controls.get(client)!.identify(packet)
    return undefined
  }

  /** Publishes while the broker closes and no longer accepts messages: directly on its bus, while that is open. */
  #emitLast({ topic, payload = '' }: PublishInput): Promise<void> {
    const content = { topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false } as const
    const message = { cmd: 'publish', brokerId: this.id, brokerCounter: ++this.#counter, ...content } as const
    return new Promise(resolve => this.mq.emit(message, () => resolve()))
  }

  async #publishWill(will: StoredWill): Promise<void> {
    const client = this.clients[will.clientId ?? ''] ?? null
    const isAllowed = await new Promise<boolean>(resolve => {
      this.authorizePublish(client, { ...will, cmd: 'publish', dup: false } as never, error => resolve(!error))
    })
    if (isAllowed) await this.#broker.publish(will)
  }
}

/** Whether the underlying broker has an option of that name; it refuses unknown ones. */
function isBrokerOption(name: string): boolean {
  try {
    new Broker({ [name]: null } as object)
  } catch (error) {
    return !(error as Error).message.includes('there is no option')
  }
  return true
}
