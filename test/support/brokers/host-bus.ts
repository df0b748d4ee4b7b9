/**
 * Buses as a host passes them: a network that carries messages between brokers, as the same object or as copies,
 * immediately or when the test allows it. Knows no broker.
 */
import { filterMatches } from '../../../lib/topic/topic.js'
import type { Bus, BusListener, BusMessage } from '../../../types/bus.js'

/** What a listener gets: the emitted object, one copy for all listeners of a bus, or its own copy. */
export type Carrying = 'the same object' | 'a copy for each bus' | 'a copy for each filter'

type Done = (error?: Error | null) => void
type Carried = { topic: string }

/** The operations of a network, and when they are done. */
export interface Pace {
  /** Delivers a message to a listener. Messages of one `channel` must stay in order. */
  bring(channel: string, task: () => void): void
  /** Calls back: a message was accepted, a filter is registered. */
  answer(task: () => void): void
}

const AT_ONCE: Pace = { bring: (_, task) => task(), answer: task => task() }

/** A message emitted by any bus on it reaches every bus on it. */
export class Network {
  readonly carrying: Carrying
  readonly #pace: Pace
  readonly #buses: NetworkBus[] = []

  constructor(carrying: Carrying, pace: Pace = AT_ONCE) {
    this.carrying = carrying
    this.#pace = pace
  }

  /** A bus for one more broker. */
  join(): NetworkBus {
    const bus = new NetworkBus(this, this.#pace)
    this.#buses.push(bus)
    return bus
  }

  emit(message: Carried): void {
    for (const [index, bus] of this.#buses.entries()) bus.carry(`${index} ${message.topic}`, message)
  }
}

interface Listening {
  filter: string
  listener: BusListener
}

/** One broker's bus. */
export class NetworkBus implements Bus {
  /** The error of the next filter, if any. */
  fault: 'throws' | 'is silent' | undefined
  isClosed = false
  readonly #network: Network
  readonly #pace: Pace
  #listeners: readonly Listening[] = []

  constructor(network: Network, pace: Pace) {
    this.#network = network
    this.#pace = pace
  }

  /** The registered filters, as often as they are registered. */
  get filters(): string[] {
    return this.#listeners.map(({ filter }) => filter).sort()
  }

  on(filter: string, listener: BusListener, done: () => void = () => {}): this {
    if (this.fault === 'throws') throw new Error('the bus takes no filter')
    this.#listeners = [...this.#listeners, { filter, listener }]
    if (this.fault === undefined) this.#pace.answer(done)
    return this
  }

  removeListener(filter: string, listener: BusListener, done: () => void = () => {}): this {
    const index = this.#listeners.findIndex(each => each.filter === filter && each.listener === listener)
    if (index !== -1) this.#listeners = this.#listeners.toSpliced(index, 1)
    this.#pace.answer(done)
    return this
  }

  emit(message: Carried, done: Done = () => {}): this {
    this.#network.emit(message)
    this.#pace.answer(() => done())
    return this
  }

  close(done: () => void = () => {}): this {
    this.isClosed = true
    this.#listeners = []
    this.#pace.answer(done)
    return this
  }

  /** A message of the network has arrived: it goes to the listeners that exist when it is delivered. */
  carry(channel: string, message: Carried): void {
    const { carrying } = this.#network
    const sent = carrying === 'the same object' ? message : copied(message)
    if (carrying !== 'a copy for each filter') {
      this.#pace.bring(channel, () => this.#bring(sent, this.#listeners))
      return
    }
    // each filter is a separate channel, opened before the message, and not in step with the others
    for (const listening of this.#listeners) {
      const isOpen = () => this.#listeners.includes(listening)
      const bring = () => this.#bring({ ...sent }, isOpen() ? [listening] : [])
      this.#pace.bring(`${channel} ${listening.filter}`, bring)
    }
  }

  #bring(message: BusMessage, listening: readonly Listening[]): void {
    for (const { filter, listener } of listening) {
      if (filterMatches(filter, message.topic)) listener(message, () => {})
    }
  }
}

/** A network whose messages and answers wait until the test allows them. */
export class HeldPace implements Pace {
  /** What is not delayed: nothing, or the answers that a fast network gives before it delivers the message. */
  readonly #answers: 'at once' | 'held'
  readonly #brought: (() => void)[] = []
  readonly #answered: (() => void)[] = []

  constructor(answers: 'at once' | 'held' = 'at once') {
    this.#answers = answers
  }

  bring(_: string, task: () => void): void {
    this.#brought.push(task)
  }

  answer(task: () => void): void {
    if (this.#answers === 'at once') task()
    else this.#answered.push(task)
  }

  /** Delivers the waiting messages. */
  letThrough(): void {
    for (const task of this.#brought.splice(0)) task()
  }

  /** Gives the waiting answers. */
  letAnswer(): void {
    for (const task of this.#answered.splice(0)) task()
  }
}

/** A message after a network: fields without a value become null, and its class is lost. */
export function copied<T>(value: T): T {
  if (value === undefined || value === null) return null as T
  if (Buffer.isBuffer(value)) return Buffer.from(value) as T
  if (Array.isArray(value)) return value.map(copied) as T
  if (typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, copied(field)])) as T
}
