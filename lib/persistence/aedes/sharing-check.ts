/**
 * Detects that another broker uses the same store. Each broker writes its mark to the same place, and checks at
 * intervals whether the mark is still its own. Owns the mark; must not know a bus.
 *
 * A mark that exists at the start may belong to a broker that is gone, so only a later mark counts. A broker that finds
 * one writes its own mark again, so that the other broker detects it as well.
 */
import { randomUUID } from 'node:crypto'
import type { Message } from '../../../types/message/message.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { Timer, type Timers } from '../../util/scheduling/timers.js'
import { warnOfSharedStore } from '../shared-store-warning.js'
import { incomingPacket } from './entries.js'

const LOOK_MS = 30_000
/** The place of the mark: a record of a packet id that no client can use. Such records are never listed. */
const CLIENT = { id: '$anax/broker' }
const PACKET_ID = 65_536
/** Separates the run from the broker's id. */
const SEPARATOR = '/'

export class SharingCheck {
  readonly #store: AedesPersistence
  readonly #timers: Timers
  readonly #run = randomUUID()
  readonly #known = new Set<string>([this.#run])
  readonly #timer = new Timer(() => this.#look())
  #brokerId = ''
  #isStopped = false
  #working: Promise<void> | undefined

  constructor(store: AedesPersistence, timers: Timers) {
    this.#store = store
    this.#timers = timers
  }

  /** Writes the mark of this broker, and checks it from now on. */
  begin(brokerId: string): void {
    this.#brokerId = brokerId
    this.#do(() => this.#leaveMark())
  }

  /** Deletes the mark. Resolves when no operation of the store is pending. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timers.cancel(this.#timer)
    await this.#working
    const { run } = await this.#readMark()
    if (run === this.#run) await this.#store.incomingDelPacket(CLIENT, { messageId: PACKET_ID })
  }

  #look(): void {
    this.#do(async () => {
      const { run, brokerId } = await this.#readMark()
      if (run === undefined || this.#known.has(run)) return
      if (this.#known.size === 1) warnOfSharedStore(brokerId)
      this.#known.add(run)
      await this.#leaveMark()
    })
  }

  async #readMark(): Promise<{ run: string | undefined; brokerId: string }> {
    const found = (await this.#store.incomingGetPacket(CLIENT, { messageId: PACKET_ID })) as Message | undefined
    const [run, ...brokerId] = found?.topic?.split(SEPARATOR) ?? []
    return { run, brokerId: brokerId.join(SEPARATOR) }
  }

  async #leaveMark(): Promise<void> {
    const topic = `${this.#run}${SEPARATOR}${this.#brokerId}`
    await this.#store.incomingStorePacket(CLIENT, { ...incomingPacket(PACKET_ID), topic })
  }

  /** Runs an operation. A failure is ignored: other users of the store report it. */
  #do(work: () => Promise<void>): void {
    this.#working = work()
      .catch(() => {})
      .then(() => {
        if (!this.#isStopped) this.#timers.schedule(this.#timer, LOOK_MS)
      })
  }
}
