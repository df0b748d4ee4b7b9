/**
 * The host interface of a store: lets stores of several brokers on one bus notify each other of changes. These messages
 * never reach clients, and a client cannot forge them. Owns the listeners of the store; must not know the content.
 */
import type { EventEmitter } from 'node:events'
import type { BrokerEvents } from '../../types/broker/events.js'
import type { Bus, BusListener } from '../../types/bus.js'
import type { EventLoopTurns, StoreHost, StoreListener, StoreOwner } from '../../types/persistence.js'
import { warnOfSharedStore } from '../persistence/shared-store-warning.js'
import { filterMatches } from '../topic/topic.js'

type Done = (error?: Error | null) => void

/** The topic on which brokers with such stores announce themselves. */
const GREETING = '$SYS/anax/store'

interface Listening {
  filter: string
  listener: StoreListener
  /** The listener registered on the bus. */
  busListener: BusListener
}

export class StoreBridge implements StoreHost, StoreOwner {
  readonly id: string
  readonly turns: EventLoopTurns
  readonly #emitter: EventEmitter<BrokerEvents>
  /** The bus of the host; undefined if there are no other brokers. */
  readonly #mq: Bus | undefined
  readonly #peers = new Set<string>()
  #listening: Listening[] = []

  constructor(id: string, turns: EventLoopTurns, emitter: EventEmitter<BrokerEvents>, mq: Bus | undefined) {
    this.id = id
    this.turns = turns
    this.#emitter = emitter
    this.#mq = mq
  }

  on(event: string, listener: (...args: never[]) => void): void {
    this.#emitter.on(event as keyof BrokerEvents, listener as (...args: unknown[]) => void)
  }

  subscribe(filter: string, listener: StoreListener, callback: Done): void {
    const busListener: BusListener = (message, done) => {
      done()
      if (message.clientId === undefined || message.clientId === null) listener(message, () => {})
    }
    this.#listening.push({ filter, listener, busListener })
    if (this.#mq === undefined) callback()
    else this.#mq.on(filter, busListener, () => callback())
  }

  /** Always calls back: a store that is closing must not wait for a closed bus. */
  unsubscribe(filter: string, listener: StoreListener, callback: Done): void {
    const gone = this.#listening.filter(each => each.filter === filter && each.listener === listener)
    this.#listening = this.#listening.filter(each => !gone.includes(each))
    for (const { busListener } of gone) this.#mq?.removeListener(filter, busListener)
    callback()
  }

  publish({ topic, payload }: { topic: string; payload: string | Buffer }, callback: Done): void {
    if (this.#mq !== undefined) {
      this.#mq.emit({ cmd: 'publish', topic, payload, qos: 0, retain: false }, callback)
      return
    }
    callback()
    for (const { filter, listener } of this.#listening) {
      if (filterMatches(filter, topic)) listener({ topic, payload }, () => {})
    }
  }

  /** Announces this broker to others with such a store, and learns about them. */
  greet(): void {
    if (this.#mq === undefined || this.#listening.length === 0) return
    const greet = () => this.publish({ topic: GREETING, payload: this.id }, () => {})
    this.subscribe(GREETING, ({ payload }) => this.#greeted(payload.toString(), greet), greet)
  }

  /** Removes all listeners; the bus is about to be closed. */
  close(): void {
    this.#listening = []
  }

  #greeted(peer: string, greet: () => void): void {
    if (peer === this.id || this.#peers.has(peer)) return
    if (this.#peers.size === 0) warnOfSharedStore(peer)
    this.#peers.add(peer)
    greet()
  }
}
