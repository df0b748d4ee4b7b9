/**
 * All clients of a crash test. Publishers and subscribers run in their own processes, which are killed; clients that
 * test subscriptions and wills only lose their connections. Owns who they are, and when they start and stop.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ProtocolVersion } from '../../types/message/packets.js'
import { countMissing } from './checks/findings.js'
import type { PublisherState } from './checks/publisher-state.js'
import type { SubscriberState } from './checks/subscriber-state.js'
import { type CheckedWill, type CountDeaths, checkWills, countWills } from './checks/will-findings.js'
import type { World } from './clients/actor.js'
import { Churner } from './clients/churner.js'
import { PublisherProcess, SubscriberProcess } from './clients/client-process.js'
import { WillClient } from './clients/will-client.js'
import type { KillableProcess } from './processes/killable-process.js'
import { Random } from './random.js'

/** The settings of a run. */
export interface ParticipantSettings {
  port: number
  folder: string
  seed: number
  /** The newest version of the broker; half of the clients use 3.1.1. */
  newestVersion: ProtocolVersion
  countDeaths: CountDeaths
}

const PUBLISHERS = 4
const WILL_CLIENTS = 2
const ALL_MESSAGES = ['p/#', 'retained/#']
/**
 * Time without progress after which no more is expected: longer than a client may wait for the lease of a node that was
 * killed.
 */
const PATIENCE_MS = 30_000
const PAUSE_MS = 50
/** Duplicates may arrive late. */
const AFTERMATH_MS = 500

export class Participants {
  readonly churner: Churner
  readonly willClients: readonly WillClient[]
  readonly #world: World
  readonly #countDeaths: CountDeaths
  readonly #publishers: readonly PublisherProcess[]
  readonly #subscribers: readonly SubscriberProcess[]
  readonly #willSubscriber: SubscriberProcess

  constructor({ port, folder, seed, newestVersion, countDeaths }: ParticipantSettings) {
    this.#countDeaths = countDeaths
    this.#world = { port, isRough: true }
    const versionOf = (index: number) => (index % 2 === 0 ? newestVersion : 4)
    this.#publishers = Array.from({ length: PUBLISHERS }, (_, i) => {
      return new PublisherProcess(folder, { clientId: `publisher-${i}`, version: versionOf(i), seed, port })
    })
    const subscribe = (clientId: string, version: ProtocolVersion, qos: 1 | 2, filters: readonly string[]) =>
      new SubscriberProcess(folder, { clientId, version, seed, port, qos, filters })
    this.#subscribers = [
      subscribe('subscriber-0', newestVersion, 2, ALL_MESSAGES),
      subscribe('subscriber-1', 4, 2, ALL_MESSAGES),
      subscribe('subscriber-2', newestVersion, 1, ALL_MESSAGES),
    ]
    this.#willSubscriber = subscribe('will-subscriber', 4, 2, ['wills/#'])
    this.willClients = Array.from({ length: WILL_CLIENTS }, (_, i) => {
      const clientId = `will-client-${i}`
      return new WillClient(this.#world, clientId, newestVersion, new Random(seed, clientId))
    })
    this.churner = new Churner(this.#world, newestVersion, new Random(seed, 'churner'))
  }

  /** The processes to kill. */
  get processes(): KillableProcess[] {
    return this.#clients.map(({ process }) => process)
  }

  get publisherStates(): PublisherState[] {
    return this.#publishers.map(({ memory }) => memory)
  }

  /** The states of the subscribers of all messages. */
  get subscriberStates(): SubscriberState[] {
    return this.#subscribers.map(({ memory }) => memory)
  }

  /** The state of the subscriber of wills. */
  get willSubscriber(): SubscriberState {
    return this.#willSubscriber.memory
  }

  /** The wills, and how often each arrived. */
  get wills(): CheckedWill[] {
    return checkWills(this.willClients, this.willSubscriber, this.#countDeaths)
  }

  /** Resolves when all clients are started. */
  async start(): Promise<void> {
    await Promise.all([...this.#subscribers, this.#willSubscriber].map(({ process }) => process.start()))
    for (const actor of [...this.willClients, this.churner]) actor.start()
    await Promise.all(this.#publishers.map(({ process }) => process.start()))
  }

  /** Reads the journals. */
  read(): void {
    for (const client of this.#clients) client.read()
  }

  /** Stops publishing and dropping connections, and waits until everything has arrived or nothing more arrives. */
  async calmDown(): Promise<void> {
    this.#world.isRough = false
    for (const client of this.processes) client.calm()
    await Promise.all(this.willClients.map(willClient => willClient.stop()))
    let open = Number.POSITIVE_INFINITY
    for (let deadline = performance.now() + PATIENCE_MS; open > 0 && performance.now() < deadline; ) {
      await delay(PAUSE_MS)
      this.read()
      const stillOpen = this.#countOpen()
      if (stillOpen < open) deadline = performance.now() + PATIENCE_MS
      open = stillOpen
    }
    await delay(AFTERMATH_MS)
    this.read()
  }

  async stop(): Promise<void> {
    const actors = [...this.willClients, this.churner]
    await Promise.all([...actors.map(actor => actor.stop()), ...this.processes.map(client => client.kill())])
  }

  get #clients() {
    return [...this.#publishers, ...this.#subscribers, this.#willSubscriber]
  }

  /** The number of messages, wills and subscriptions that are not finished. */
  #countOpen(): number {
    const unfinished = this.publisherStates.reduce((total, { inFlight }) => total + inFlight.size, 0)
    const { willsMissing } = countWills(this.wills)
    return (
      unfinished +
      willsMissing +
      countMissing(this.publisherStates, this.subscriberStates) +
      (this.churner.isDone ? 0 : 1)
    )
  }
}
