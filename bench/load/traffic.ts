/**
 * Publishers and subscribers under load: as fast as their windows allow, in bursts, or at a fixed rate. Measures one
 * broker for a time, and finally waits until all messages have arrived.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { residentBytes, Stopwatch } from '../measure.js'
import type { LoadContext, Sample } from '../types.js'
import { AcknowledgementSink } from './clients/acknowledged.js'
import type { Writes } from './clients/answers.js'
import { Client, openMany } from './clients/client.js'
import type { ConnectOptions, ProtocolVersion, QoS } from './clients/packets.js'
import { nowMicros, Publisher } from './clients/publisher.js'
import { Subscriber } from './clients/subscriber.js'
import { Ledger } from './ledger.js'
import { busyStretch } from './stretch.js'

/** Messages per second, of all publishers together. */
interface Rate {
  perSecond: number
}

export interface TrafficPlan {
  publishers: number
  subscribers: number
  topic(publisher: number): string
  filters(subscriber: number): string[]
  /** Deliveries of each message. */
  fanout: number
  qos: QoS
  version: ProtocolVersion
  session: ConnectOptions['session']
  retain: 'retain' | 'live'
  /** Unfinished messages per publisher. */
  window: number
  /** `each`: one write per message, as soon as there is room; `burst`: the whole window at once. */
  pace: 'each' | 'burst' | Rate
  /**
   * `joined`: a client reacts after a whole chunk: one write for its acknowledgements, one for a burst. `segments`: it
   * reacts to each packet at once, with a separate write; messages of a fixed rate are sent one by one.
   */
  writes: Writes
  payloadBytes: number
  properties: Buffer
  /** `group`: a message goes to any one of the subscribers. */
  sharing: 'everyone' | 'group'
}

/** Pairs: each publisher has a topic with one subscriber. */
export const pairs: TrafficPlan = {
  publishers: 50,
  subscribers: 50,
  topic: publisher => `bench/pair/${publisher}`,
  filters: subscriber => [`bench/pair/${subscriber}`],
  fanout: 1,
  qos: 0,
  version: 4,
  session: 'clean',
  retain: 'live',
  window: 20,
  pace: 'each',
  writes: 'joined',
  payloadBytes: 64,
  properties: Buffer.alloc(0),
  sharing: 'everyone',
}

/** The minimum share of the time that a broker works, if load is applied as fast as it allows. */
const BUSY = 0.4

/**
 * Deliveries per second during the warm-up for a fixed rate, and how much longer it takes. A program in Node.js is
 * compiled while it runs, for 20,000 messages or more: at a low rate the measurement would consist of them.
 */
const WARM_UP_PER_SECOND = 40_000
const WARM_UP_FACTOR = 4

/** Seconds at the rate itself before they count. */
const SETTLE = 0.2

/** Time limit for the last messages. */
const DRAIN_MS = 3000

export class Traffic {
  readonly #plan: TrafficPlan
  readonly #context: LoadContext
  readonly #publishers: Publisher[] = []
  readonly #clients: Client[] = []
  readonly #ledger = new Ledger(this.#publishers)
  #ready: Publisher[] = []
  readonly #onProgress: (publisher: Publisher) => void
  #running = false
  /** Counts the starts of a rate: the previous one ends. */
  #rates = 0

  private constructor(context: LoadContext, plan: TrafficPlan) {
    this.#context = context
    this.#plan = plan
    this.#onProgress = plan.writes === 'segments' ? this.#sendNow : this.#list
  }

  /** Connects and subscribes all clients; nothing is published yet. */
  static async open(context: LoadContext, plan: TrafficPlan): Promise<Traffic> {
    const traffic = new Traffic(context, plan)
    await openMany(plan.subscribers, i => traffic.#openSubscriber(i))
    await openMany(plan.publishers, i => traffic.#openPublisher(i))
    return traffic
  }

  async #connect(clientId: string, session: ConnectOptions['session']): Promise<Client> {
    const client = await Client.open(this.#context, { clientId, version: this.#plan.version, session })
    this.#clients.push(client)
    return client
  }

  async #openSubscriber(index: number): Promise<void> {
    const { publishers, sharing, session, filters, qos, writes } = this.#plan
    const client = await this.#connect(`subscriber-${index}`, session)
    await client.subscribe(filters(index), qos)
    const expected = sharing === 'everyone' ? new Uint32Array(publishers) : undefined
    new Subscriber(client, this.#ledger, expected, this.#onProgress, this.#settle, writes)
  }

  async #openPublisher(id: number): Promise<void> {
    const client = await this.#connect(`publisher-${id}`, 'clean')
    const publisher = new Publisher(client, { ...this.#plan, id, topic: this.#plan.topic(id) })
    this.#publishers[id] = publisher
    const { qos, writes } = this.#plan
    if (qos > 0) new AcknowledgementSink(client, publisher, this.#onProgress, this.#settle, writes)
  }

  readonly #list = (publisher: Publisher): void => {
    if (publisher.listed) return
    publisher.listed = true
    this.#ready.push(publisher)
  }

  /** Lets publishers send that have room again. */
  readonly #settle = (): void => {
    if (this.#ready.length === 0) return
    const ready = this.#ready
    this.#ready = []
    const now = nowMicros()
    for (const publisher of ready) {
      publisher.listed = false
      if (this.#running) this.#send(publisher, now)
    }
  }

  readonly #sendNow = (publisher: Publisher): void => {
    if (this.#running) this.#send(publisher, nowMicros())
  }

  #send(publisher: Publisher, now: number): void {
    const { pace, writes, window } = this.#plan
    if (pace === 'each') publisher.sendEach(publisher.open, now)
    else if (pace === 'burst' && publisher.idle) {
      if (writes === 'joined') publisher.sendWindow(now)
      else publisher.sendEach(window, now)
    }
  }

  #start(): void {
    this.#running = true
    for (const publisher of this.#publishers) this.#send(publisher, nowMicros())
  }

  /**
   * Sends the messages that are due, one publisher after the other, with the time of sending. Checks each millisecond,
   * or continuously if messages must be sent one by one.
   */
  #sendAtRate({ perSecond }: Rate): void {
    this.#running = true
    const rate = ++this.#rates
    const start = performance.now()
    let sent = 0
    let next = 0
    const again = () => {
      if (!this.#running || rate !== this.#rates) return
      const due = Math.floor(((performance.now() - start) / 1000) * perSecond)
      for (let tries = 0; sent < due && tries < this.#publishers.length; tries++) {
        const publisher = this.#publishers[next++ % this.#publishers.length]!
        if (publisher.open === 0) continue
        publisher.sendEach(1, nowMicros())
        sent++
      }
      if (this.#looksAllTheTime) setImmediate(again)
      else setTimeout(again, 1)
    }
    again()
  }

  get #looksAllTheTime(): boolean {
    return typeof this.#plan.pace === 'object' && this.#plan.writes === 'segments'
  }

  /** Applies load and measures; may be called again. */
  async measure(): Promise<Sample> {
    const { effort, pid, measuring } = this.#context
    await this.#warmUp(effort.warmup)
    await measuring('begin')
    const ledger = this.#ledger
    const before = ledger.deliveries
    ledger.latency.clear()
    const watch = new Stopwatch(pid)
    await this.#stretch(effort.seconds)
    const { seconds, brokerMicros, ownShare } = watch.read()
    const deliveries = ledger.deliveries - before
    await measuring('end')
    const sample = {
      cpu: brokerMicros / deliveries,
      rate: deliveries / seconds,
      p50: ledger.latency.percentile(0.5),
      p99: ledger.latency.percentile(0.99),
      p999: ledger.latency.percentile(0.999),
      resident: residentBytes(pid),
      ...(this.#looksAllTheTime ? {} : { generator: ownShare }),
    }
    await this.#drain()
    return { ...sample, lost: ledger.lost(), doubled: ledger.doubled }
  }

  /** Keeps the load running. */
  async #warmUp(seconds: number): Promise<void> {
    const { pace, fanout } = this.#plan
    if (typeof pace !== 'object') {
      this.#start()
      await this.#stretch(seconds)
      return
    }
    if (seconds > 0) {
      this.#sendAtRate({ perSecond: Math.max(pace.perSecond, WARM_UP_PER_SECOND / fanout) })
      await sleep(seconds * WARM_UP_FACTOR * 1000)
      await this.#drain()
    }
    this.#sendAtRate(pace)
    if (seconds > 0) await sleep(SETTLE * 1000)
  }

  /** At a fixed rate the core should be idle most of the time. */
  #stretch(seconds: number): Promise<void> {
    return typeof this.#plan.pace === 'object' ? sleep(seconds * 1000) : busyStretch(this.#context.pid, seconds, BUSY)
  }

  async #drain(): Promise<void> {
    this.#running = false
    const end = performance.now() + DRAIN_MS
    while (performance.now() < end && !this.#publishers.every(publisher => publisher.idle)) await sleep(10)
  }

  close(): void {
    for (const client of this.#clients) client.destroy()
  }
}

export async function measureTraffic(context: LoadContext, plan: TrafficPlan): Promise<Sample> {
  const traffic = await Traffic.open(context, plan)
  const sample = await traffic.measure()
  traffic.close()
  return sample
}
