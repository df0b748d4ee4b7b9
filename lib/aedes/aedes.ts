/**
 * The broker as Aedes shows it, on a broker of Anax. Owns Aedes's names: its members, hooks, events and callbacks. What
 * they do is done by the broker underneath; what it promises is kept.
 */
import { randomUUID } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
// @ts-expect-error: the package has no declarations
import MemoryPersistence from 'aedes-persistence/asyncPersistence.js'
import mqemitter from 'mqemitter'
import type { MessageListener } from '../../types/broker.js'
import type { Bus } from '../../types/bus.js'
import type { Callback, Client, PublishInput } from '../../types/client.js'
import type { BrokerEvents } from '../../types/events.js'
import type { ConnectPacket, Subscription } from '../../types/packets.js'
import type { AedesPersistence, StoredWill } from '../../types/persistence.js'
import { Broker } from '../index.js'
import { borrowed, plainBus } from './borrowed.js'
import { AedesClient, type ClientBroker, type ClientControl, type RequestWithDetails } from './client.js'
import { aedesError, refusalError, tooDeep } from './errors.js'
import { HOOKS, HookedBroker } from './hooked-broker.js'
import { askForSubscription, type HookScene, installHook } from './hooks.js'
import { brokerOptionsOf, type FullAedesOptions, optionsOf } from './options.js'
import { packageVersion } from './package-version.js'
import { busPacket, parsedSubscription } from './packets.js'
import { Presence } from './presence.js'
import type { AedesEvents, AedesHooks, AedesOptions, Brokers } from './types.js'

/** Events of the broker that are Aedes's as well, the client in the last place. */
const RELAYED = ['keepaliveTimeout', 'connackSent'] as const

/** The same, told a moment later: in Aedes, nothing is emitted while a packet is still being received. */
const RELAYED_LATER = ['ping', 'publish'] as const

/** An MQTT broker with the interface of Aedes. Made with {@link Aedes.createBroker}, or made and then started. */
export class Aedes extends HookedBroker {
  /** The options, Aedes's defaults among them. */
  readonly opts: FullAedesOptions
  /** The option `id`, or the UUID that stands for it. */
  readonly id: string
  /** The bus: that of the option, or a `mqemitter` within this process. */
  readonly mq: Bus
  /** The store: that of the option, or one in memory. */
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
  /** Return codes of the clients that were refused. */
  readonly #refusals = new WeakMap<Client, number>()
  /** What their hooks said. */
  readonly #hookErrors = new WeakMap<AedesClient, Error>()
  readonly #controls = new WeakMap<AedesClient, ClientControl>()
  readonly #listeners = new WeakMap<MessageListener, MessageListener>()
  readonly #scene: HookScene
  /** Streams that were handed over before the broker was started. */
  #early: (() => void)[] | undefined = []
  #started: Promise<void> | undefined
  #isClosing = false
  #counter = 0

  /** Creates a broker that is not started; {@link Aedes.createBroker} creates and starts one. */
  constructor(options?: AedesOptions) {
    super()
    const opts = optionsOf(options)
    this.opts = opts
    this.mq = opts.mq ?? (mqemitter({ concurrency: opts.concurrency, matchEmptyLevels: true }) as unknown as Bus)
    this.persistence = opts.persistence ?? (new MemoryPersistence() as AedesPersistence)
    this.#broker = new Broker({
      ...brokerOptionsOf(opts, isBrokerOption),
      mq: plainBus(this.mq, ({ brokerCounter = this.#counter }) => {
        this.#counter = brokerCounter
      }),
      persistence: borrowed(this.persistence),
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
      admitted: (client, packet) => this.#admitted(client, packet),
      refused: (client, error) => this.#hookErrors.set(client, error),
    }
    this.#presence = new Presence({
      id: this.id,
      mq: this.mq,
      persistence: this.persistence,
      heartbeatInterval: opts.heartbeatInterval,
      publish: packet => this.#broker.publish(packet),
      publishWill: will => this.#publishWill(will),
      leave: clientId => this.clients[clientId]?.close(),
      born: brokerId => {
        for (const client of Object.values(this.clients)) delete client.duplicates[brokerId]
      },
      failed: error => this.#fail(aedesError(error)),
    })
    installHook(this.#broker, this.#scene, 'preConnect', undefined)
    // without a hook, Aedes disconnects who publishes below `$SYS/`
    installHook(this.#broker, this.#scene, 'authorizePublish', this.authorizePublish)
    for (const name of HOOKS) if (opts[name] !== undefined) this.setHook(name, opts[name])
    this.#relay()
  }

  /** Makes a broker and starts it. */
  static async createBroker(options?: AedesOptions): Promise<Aedes> {
    const broker = new Aedes(options)
    await broker.listen()
    return broker
  }

  get closed(): boolean {
    return this.#isClosing || this.#broker.closed
  }
  get connectedClients(): number {
    return this.#broker.connectedClients
  }
  /** Other brokers on the same bus. */
  get brokers(): Brokers {
    return this.#presence.brokers
  }
  /** The number of the last message that this broker put on the bus. */
  get counter(): number {
    return this.#counter
  }
  /** The version of Anax. */
  get version(): string {
    return VERSION
  }
  /** The underlying broker of Anax, for events, options and methods that Aedes does not have. */
  get anax(): Broker {
    return this.#broker
  }

  /** Opens the store and takes the streams that came before. */
  async listen(): Promise<void> {
    if (this.persistence.setup.constructor.name !== 'AsyncFunction') {
      throw new Error('persistence.setup() must be an async function')
    }
    this.#started ??= this.#broker.listen()
    await this.#started
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
    else this.#early.push(handle)
    return client
  }

  /** Publishes on the application's behalf, or that of a client. */
  publish(packet: PublishInput, done?: Callback): void
  publish(packet: PublishInput, client: AedesClient | null, done?: Callback): void
  publish(packet: PublishInput, second?: AedesClient | null | Callback, third?: Callback): void {
    const done = typeof second === 'function' ? second : third
    if (this.#isTooDeep(packet.topic, done)) return
    this.#soon(() => this.#broker.publish(packet), done)
  }

  /** Calls a function with every message that matches a filter. */
  subscribe(topic: string, listener: MessageListener, done?: Callback): void {
    if (!this.#isTooDeep(topic, done)) this.#soon(() => this.#broker.subscribe(topic, this.#listenerOf(listener)), done)
  }

  /** Ends {@link Aedes.subscribe}: the same filter, the same function. */
  unsubscribe(topic: string, listener: MessageListener, done?: Callback): void {
    if (!this.#isTooDeep(topic, done))
      this.#soon(() => this.#broker.unsubscribe(topic, this.#listenerOf(listener)), done)
  }

  /** Closes the connections, the bus and then the broker; the store is left open, as Aedes leaves it. */
  close(done: () => void = () => {}): void {
    if (this.#isClosing) {
      done()
      return
    }
    this.#isClosing = true
    this.#presence.stop()
    this.#broker.close().then(done, done)
  }

  /** Asks `authorizeSubscribe` for a subscription that the application makes for a client. */
  askForSubscription(client: AedesClient, subscription: Subscription): Promise<Subscription | null> {
    return askForSubscription(this.#scene, this.authorizeSubscribe, client, subscription)
  }

  /** Removes the queued messages of a client's session. */
  async emptyQueueOf({ id }: AedesClient): Promise<void> {
    if (id === null) return
    for await (const packet of this.persistence.outgoingStream({ id })) {
      const { messageId } = packet
      if (messageId !== undefined) await this.persistence.outgoingClearMessageId({ id }, { messageId })
    }
  }

  /** Always the same one for a function: it is found again by it. */
  #listenerOf(listener: MessageListener): MessageListener {
    const known = this.#listeners.get(listener)
    if (known !== undefined) return known
    const told: MessageListener = (packet, done) => listener(busPacket(packet), done)
    this.#listeners.set(listener, told)
    return told
  }

  /** Aedes throws here, although the underlying broker would accept it. */
  #isTooDeep(topic: string, done: Callback = () => {}): boolean {
    if (typeof topic !== 'string' || topic.split('/').length <= this.maxTopicLevels) return false
    done(tooDeep())
    return true
  }

  #soon(step: () => Promise<void>, done: Callback = () => {}): void {
    const started = this.#started ?? Promise.resolve()
    started.then(step).then(
      () => done(),
      error => done(aedesError(error)),
    )
  }

  #attach(client: AedesClient): void {
    const underneath = this.#broker.handle(client.conn, client.req)
    this.#clients.set(underneath, client)
    this.#controls.get(client)!.attach(underneath)
  }

  protected override install<Name extends keyof AedesHooks>(name: Name, hook: AedesHooks[Name] | undefined): void {
    installHook(this.#broker, this.#scene, name, hook)
  }

  #admitted(client: AedesClient, packet: ConnectPacket): void {
    if (!packet.clientId && packet.properties === undefined && packet.clean) packet.clientId = `aedes_${randomUUID()}`
    this.#controls.get(client)!.identify(packet)
  }

  #relay(): void {
    const broker = this.#broker as EventEmitter
    for (const name of RELAYED) broker.on(name, (...args: unknown[]) => this.#tell(name, args))
    for (const name of RELAYED_LATER) broker.on(name, (...args: unknown[]) => soon(() => this.#tell(name, args)))
    this.#broker.on('ack', (packet, client) => {
      soon(() => this.#tell('ack', [packet.cmd === 'publish' ? busPacket(packet) : packet, client]))
    })
    // in Aedes it comes when CONNACK and what was queued are written
    this.#broker.on('clientReady', client => {
      setImmediate(() => client.connected && this.#tell('clientReady', [client]))
    })
    this.#broker.on('client', client => {
      const aedesClient = this.#clients.get(client)!
      this.clients[client.id] = aedesClient
      this.emit('client', aedesClient)
      this.#presence.say('new/clients', client.id)
    })
    this.#broker.on('clientDisconnect', client => this.#gone(client))
    this.#broker.on('subscribe', (subscriptions, client) => soon(() => this.#subscribed(subscriptions, client)))
    this.#broker.on('unsubscribe', (topics, client) => soon(() => this.#unsubscribed(topics, client)))
    this.#broker.on('connackSent', ({ returnCode }, client) => {
      if (returnCode) this.#refusals.set(client, returnCode)
    })
    this.#broker.on('clientError', (client, error) => this.#failClient(client, aedesError(error)))
    this.#broker.on('connectionError', (client, error) => {
      const returnCode = this.#refusals.get(client)
      const cause = this.#hookErrors.get(this.#clients.get(client)!) ?? error
      this.#failClient(client, returnCode === undefined ? aedesError(cause) : refusalError(cause, returnCode))
    })
    this.#broker.on('publishRefused', error => {
      if (error.code === 'ANAX_ERR_STORE') this.#fail(aedesError(error))
    })
    this.#broker.on('storeError', error => this.#fail(aedesError(error)))
    this.#broker.on('closed', () => this.emit('closed'))
  }

  #gone(client: Client): void {
    const aedesClient = this.#clients.get(client)!
    const topics = Object.keys(aedesClient.subscriptions)
    if (this.clients[client.id] === aedesClient) delete this.clients[client.id]
    soon(() => {
      if (aedesClient.clean && topics.length > 0) this.#unsubscribed(topics, client)
      this.emit('clientDisconnect', aedesClient)
      this.#presence.say('disconnect/clients', client.id)
    })
  }

  #subscribed(subscriptions: readonly { topic: string; qos: number }[], client: Client): void {
    const subs = subscriptions.map(subscription => parsedSubscription(subscription))
    this.#tell('subscribe', [subs, client])
    this.#presence.say('new/subscribes', JSON.stringify({ clientId: client.id, subs }))
    const isTooDeep = subs.some(({ topic }) => topic.split('/').length > this.maxTopicLevels)
    if (isTooDeep) this.#failClient(client, tooDeep())
  }

  #unsubscribed(subs: string[], client: Client): void {
    this.#tell('unsubscribe', [subs, client])
    this.#presence.say('new/unsubscribes', JSON.stringify({ clientId: client.id, subs }))
  }

  #failClient(client: Client, error: Error): void {
    soon(() => this.#clients.get(client)?.emit('error', error))
  }

  /** An event whose last argument is a client, or nobody. */
  #tell(name: keyof AedesEvents & keyof BrokerEvents, args: unknown[]): void {
    const client = args.at(-1) as Client | null
    const told = [...args.slice(0, -1), client && this.#clients.get(client)]
    ;(this as EventEmitter).emit(name, ...told)
  }

  /** An application that listens is told; Aedes would end one that does not. */
  #fail(error: Error): void {
    if (this.listenerCount('error') > 0) this.emit('error', error)
  }

  async #publishWill(will: StoredWill): Promise<void> {
    const client = this.clients[will.clientId ?? ''] ?? null
    const isAllowed = await new Promise<boolean>(resolve => {
      this.authorizePublish(client, { ...will, cmd: 'publish', dup: false } as never, error => resolve(!error))
    })
    if (isAllowed) await this.#broker.publish(will)
  }
}

const VERSION = packageVersion()

function soon(step: () => void): void {
  process.nextTick(step)
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
