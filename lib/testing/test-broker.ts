/**
 * A broker for the tests of an application: in-memory clients, a log of published messages, links that can break,
 * faults, and cleanup. Built on the broker's public API.
 */
import { once } from 'node:events'
import net, { type AddressInfo, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../types/clock.js'
import type { AedesPersistence } from '../../types/persistence.js'
import { type ConnectOptions, connect, type MqttConnection } from '../client/index.js'
import { AnaxError, Broker, type BrokerOptions, createMemoryPersistence, type Hooks } from '../index.js'
import { FakeClock } from './fake-clock.js'
import { Belongings, WatchedClock } from './leaks.js'
import { Link } from './link.js'
import { type MessageLog, type RecordedMessage, Recorder, type WaitOptions } from './message-log.js'
import { expectRealNextTick } from './next-tick.js'
import { clientsOf, readRetained, readSessions, type SessionSnapshot, type Snapshot } from './snapshot.js'
import { Activity } from './watched/activity.js'
import { watchBus } from './watched/bus.js'
import { Faults } from './watched/faults.js'
import { HOOK_NAMES, WatchedHooks } from './watched/hooks.js'
import { watchStore } from './watched/store.js'

/** Options of a test broker: those of any broker. */
export type TestBrokerOptions = BrokerOptions

/** A client of MQTT.js as the kit sees it. */
interface MqttJsClient {
  once(event: 'connect' | 'error' | 'close', listener: (argument: never) => void): unknown
  on(event: 'error', listener: (error: never) => void): unknown
  removeListener(event: 'connect' | 'error' | 'close', listener: (argument: never) => void): unknown
  end(force: boolean): unknown
}

/** The class `MqttClient` of MQTT.js. */
// biome-ignore-start lint/suspicious/noExplicitAny: the options are those of the passed release
type MqttJsClass = new (streamBuilder: any, options: any) => MqttJsClient
// biome-ignore-end lint/suspicious/noExplicitAny: as above

const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimeout: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs)
    timer.unref?.()
    return timer
  },
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout | undefined),
}

/** The clock for delays that a test requests and waits for: its timers keep the process alive. */
const PATIENT_CLOCK: Clock = { ...SYSTEM_CLOCK, setTimeout: (callback, delayMs) => setTimeout(callback, delayMs) }

/** The step of a fake clock while a broker closes. */
const CLOSING_STEP_MS = 10_000

/** A broker under test, with the tools of the test. {@link startTestBroker} creates it. */
export class TestBroker {
  readonly #options: BrokerOptions
  readonly #clock: WatchedClock
  readonly #store: AedesPersistence
  readonly #activity = new Activity()
  readonly #recorder = new Recorder()
  readonly #belongings = new Belongings()
  readonly #links = new WeakMap<object, Link>()
  readonly #clients = new Set<{ end(): unknown }>()
  readonly #sockets = new Set<Socket>()
  readonly #servers: Server[] = []
  /** The faults. */
  readonly faults: Faults
  #hooks: WatchedHooks | undefined
  #broker: Broker
  #isRestarting = false
  #closing: Promise<void> | undefined

  /** Internal: use {@link startTestBroker}. */
  constructor(options: BrokerOptions) {
    this.#options = options
    this.#clock = new WatchedClock(options.clock ?? SYSTEM_CLOCK)
    this.#store = options.persistence ?? createMemoryPersistence({ now: () => this.#clock.now() })
    const needHook = (name: keyof Hooks) => this.#hooks?.need(name)
    this.faults = new Faults(options.clock ?? PATIENT_CLOCK, { hasBus: options.mq !== undefined, needHook })
    this.#broker = this.#make()
  }

  /** The broker; a new one after {@link restart}. */
  get broker(): Broker {
    return this.#broker
  }
  /** All messages that were published since the start or the last {@link clear}, oldest first. */
  get messages(): MessageLog {
    return this.#recorder.messages
  }

  /** Starts the broker; {@link startTestBroker} already does so. */
  async start(): Promise<void> {
    await expectRealNextTick()
    await this.#broker.listen()
  }

  /**
   * Connects a client of MQTT.js. Resolves when the broker has accepted it.
   * @param Client the class `MqttClient` of MQTT.js
   * @param options its options; it does not reconnect automatically unless you set `reconnectPeriod`
   * @throws the client's `error`, or ANAX_ERR_NOT_CONNECTED if the connection closes before CONNACK, or
   * ANAX_ERR_ARGUMENT while `process.nextTick` is a fake
   */
  async connect<C extends MqttJsClass>(Client: C, options: ConstructorParameters<C>[1] = {}): Promise<InstanceType<C>> {
    await expectRealNextTick()
    const link = this.#link()
    const client = new Client(() => this.#openOn(link), { reconnectPeriod: 0, ...options })
    this.#links.set(client, link)
    this.#clients.add({ end: () => client.end(true) })
    // a broken link must not end the process
    client.on('error', () => {})
    try {
      await letIn(client)
    } catch (error) {
      client.end(true)
      throw error
    }
    return client as InstanceType<C>
  }

  /**
   * Connects a client of `anax/client`, on the kit's clock. Resolves when the broker has accepted it.
   * @throws AnaxError ANAX_ERR_REFUSED, ANAX_ERR_NOT_CONNECTED, ANAX_ERR_TIMEOUT, ANAX_ERR_ARGUMENT while
   * `process.nextTick` is a fake
   */
  async client(options: ConnectOptions = {}): Promise<MqttConnection> {
    await expectRealNextTick()
    const link = this.#link()
    const client = await connect(this.#openOn(link), { clock: this.#clock, ...options })
    this.#links.set(client, link)
    this.#clients.add({ end: () => client.destroy() })
    return client
  }

  /** Opens a connection to the broker for a client that the test creates itself. @returns the client's end */
  stream(): Duplex {
    return this.#openOn(this.#link())
  }

  /**
   * The link of a client from `connect` or `client`, or of a stream from `stream`.
   * @throws AnaxError ANAX_ERR_ARGUMENT for anything else
   */
  link(client: object): Link {
    const link = this.#links.get(client)
    if (link === undefined) throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'this client was not made by the kit' })
    return link
  }

  /**
   * Listens on a free TCP port of this machine, for clients in other processes and other languages.
   * @returns the address
   */
  async listen(): Promise<{ url: string; host: string; port: number }> {
    const server = net.createServer({ noDelay: true }, socket => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
      socket.on('data', () => this.#activity.note())
      this.#broker.handle(socket)
    })
    this.#servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { address, port } = server.address() as AddressInfo
    return { url: `mqtt://${address}:${port}`, host: address, port }
  }

  /**
   * Waits for a message on a topic that matches the filter. Earlier messages count as well, back to the last {@link
   * clear}.
   * @throws AnaxError ANAX_ERR_TIMEOUT, which lists the messages that were published instead
   */
  waitFor(
    filter: string,
    predicate?: (message: RecordedMessage) => boolean,
    options?: WaitOptions,
  ): Promise<RecordedMessage>
  /** The same, for any message that the filter matches. */
  waitFor(filter: string, options: WaitOptions): Promise<RecordedMessage>
  waitFor(
    filter: string,
    second: ((message: RecordedMessage) => boolean) | WaitOptions = {},
    third: WaitOptions = {},
  ): Promise<RecordedMessage> {
    const [predicate, options] = typeof second === 'function' ? [second, third] : [() => true, { ...second, ...third }]
    return this.#recorder.waitFor(filter, predicate, options)
  }

  /**
   * Resolves when the broker has nothing left to do: no call of a hook, the store or the bus is pending, and nothing is
   * in transit on a link that is not frozen. Timers are not awaited.
   * @throws AnaxError ANAX_ERR_TIMEOUT, which lists the pending work
   */
  settled({ timeoutMs = 2000 }: WaitOptions = {}): Promise<void> {
    return this.#activity.quiet(timeoutMs)
  }

  /** Removes the messages recorded so far. */
  clear(): void {
    this.#recorder.clear()
  }

  /** The retained messages of a filter, by topic. */
  retained(filter = '#'): Promise<RecordedMessage[]> {
    return readRetained(this.#store, filter)
  }

  /**
   * All sessions, sorted by client identifier. If the store cannot list them, those that kits in this process have seen
   * begin.
   */
  sessions(): Promise<SessionSnapshot[]> {
    return readSessions(this.#broker, this.#store)
  }

  /** Clients, sessions, retained and published messages, as plain JSON in a stable order. */
  async snapshot(): Promise<Snapshot> {
    return {
      clients: clientsOf(this.#broker),
      sessions: await this.sessions(),
      retained: (await this.retained()).map(message => message.toJSON()),
      messages: this.messages.map(message => message.toJSON()),
    }
  }

  /** Ends all connections and starts a new broker with the same options on the same store. */
  async restart(): Promise<void> {
    this.#isRestarting = true
    await this.#stop()
    this.#isRestarting = false
    this.#broker = this.#make()
    await this.start()
  }

  /** Descriptions of leaked streams, timers and listeners; empty after {@link close}. */
  leaks(): string[] {
    const { pendingTimers } = this.#clock
    return [
      ...this.#belongings.leaks(),
      ...(this.#sockets.size > 0 ? [`sockets that are open: ${this.#sockets.size}`] : []),
      ...(pendingTimers > 0 ? [`timers that are set: ${pendingTimers}`] : []),
      ...this.#activity.pending.map(what => `under way: ${what}`),
    ]
  }

  /** Ends clients, listeners and the broker. Rejects with ANAX_ERR_ARGUMENT while `process.nextTick` is a fake. */
  async close(): Promise<void> {
    await expectRealNextTick()
    this.#closing ??= this.#close()
    await this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    for (const server of this.#servers) server.close()
    await this.#stop()
    this.#recorder.end()
    // the other end of a stream sees its end a turn later
    await this.#activity.turns()
  }

  async #stop(): Promise<void> {
    this.faults.clear()
    for (const client of this.#clients) client.end()
    this.#clients.clear()
    for (const socket of this.#sockets) socket.destroy()
    let isClosed = false
    const closing = this.#broker.close().then(() => {
      isClosed = true
    })
    const { clock } = this.#options
    // advances a fake clock, which would keep it waiting forever
    while (clock instanceof FakeClock && !isClosed) await clock.advance(CLOSING_STEP_MS)
    await closing
  }

  #make(): Broker {
    const { mq } = this.#options
    const hooks = Object.fromEntries(HOOK_NAMES.map(name => [name, undefined]))
    const broker = new Broker({
      ...this.#options,
      ...hooks,
      clock: this.#clock,
      persistence: watchStore(this.#store, this.#activity, this.faults),
      ...(mq !== undefined && { mq: watchBus(mq, this.#activity, this.faults, () => this.#isRestarting) }),
    })
    this.#hooks = new WatchedHooks(broker, this.#activity, this.faults)
    for (const name of HOOK_NAMES) {
      if (this.#options[name] !== undefined) Object.assign(broker, { [name]: this.#options[name] })
    }
    broker.on('publish', packet => this.#recorder.record(packet))
    return broker
  }

  #link(): Link {
    const attach = (stream: Duplex) => {
      this.#belongings.addStream(stream)
      this.#broker.handle(stream)
    }
    return new Link({ clock: this.#options.clock ?? PATIENT_CLOCK, activity: this.#activity, attach })
  }

  #openOn(link: Link): Duplex {
    const stream = link.open()
    this.#links.set(stream, link)
    return stream
  }
}

/** Resolves when the client has its CONNACK. */
function letIn(client: MqttJsClient): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      client.removeListener('connect', connected)
      client.removeListener('error', failed)
      client.removeListener('close', closed)
    }
    const connected = () => {
      over()
      resolve()
    }
    const failed = (error: Error) => {
      over()
      reject(error)
    }
    const closed = () =>
      failed(new AnaxError('ANAX_ERR_NOT_CONNECTED', { detail: 'the connection closed before CONNACK' }))
    client.once('connect', connected)
    client.once('error', failed)
    client.once('close', closed)
  })
}

/**
 * Starts a broker for a test. With `await using` it is closed at the end of the scope.
 * @param options those of `createBroker`; `mq` is needed only to make the bus fail
 * @throws AnaxError what `createBroker` throws
 */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const kit = new TestBroker(options)
  await kit.start()
  return kit
}
