/**
 * How much waits for one connected client, and whether its queue drains. A client whose queue drains may have a longer
 * one, and publishers wait for it: clients before their messages are stored, the host after its messages were
 * delivered. Owns the counts and the waiting publishers; must not know messages, nor who publishes.
 *
 * Time is counted in ticks of a timer, not read from a clock: after the host was busy for seconds, acknowledgements of
 * the client are still unread, and it must not be mistaken for frozen.
 */
import type { QueueLimits } from '../../../types/persistence.js'
import type { Backlog } from '../../model/backlog.js'
import type { Congestion, Waiting } from '../../model/metering/congestion.js'
import type { Ports } from '../../ports/ports.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'
import { Timer } from '../../util/scheduling/timers.js'
import { Waiters } from '../../util/scheduling/waiters.js'
import type { Recipient } from './recipient.js'

const TICK_MS = 50
const TICKS_PER_SECOND = 1000 / TICK_MS

/** The time that a client has to begin draining; its queue may grow meanwhile. */
const GRACE_TICKS = 2 * TICKS_PER_SECOND

/**
 * The first part of that time, in which publishers wait for the client as well. Waiting longer would only slow them
 * down.
 */
const NEW_TICKS = TICKS_PER_SECOND / 4

/** A queue drains if this many messages, or 1 MiB, leave it within a second. */
const DRAINED_PER_SECOND = 500
const BYTES_FOR_ONE = (1024 * 1024) / DRAINED_PER_SECOND

/** Allows a connected client more messages, unless the host has set its own limit. */
export function extendedLimits(
  limits: QueueLimits,
  { maxQueuedMessages, maxBurstMessages }: Pick<ResolvedOptions, 'maxQueuedMessages' | 'maxBurstMessages'>,
): QueueLimits {
  if (limits.maxMessages !== maxQueuedMessages || maxBurstMessages <= maxQueuedMessages) return limits
  return { ...limits, maxMessages: maxBurstMessages }
}

export class Pressure implements Waiting {
  readonly clientId: string
  readonly #ports: Pick<Ports, 'options' | 'timers'>
  readonly #congestion: Congestion
  readonly #memory: Pick<Backlog, 'bytes'>
  readonly #isIdle: () => boolean
  readonly #timer = new Timer(() => this.#tick())
  /** Publishers wait above half of these. */
  readonly #most: QueueLimits
  readonly #waiters: Waiters[] = []
  /** The waiting calls of the host. */
  readonly #host = new Waiters()
  #messages = 0
  #bytes = 0
  /** Ticks since messages began to wait. */
  #ticks = 0
  /** What was drained since the last tick, and in the ticks before it, newest last. */
  #drained = 0
  #drainedBefore: number[] = []
  /** The sum of these. */
  #drainedLately = 0
  #isFull = false
  #isBusy = false
  /**
   * Messages that the client itself published and that wait for other clients. Meanwhile its acknowledgements are not
   * read.
   */
  #held = 0

  /**
   * @param memory the messages that do not wait in the stored queue
   * @param isIdle whether nothing waits
   */
  constructor(
    ports: Ports,
    { id, limits }: Pick<Recipient, 'id' | 'limits'>,
    memory: Pick<Backlog, 'bytes'>,
    isIdle: () => boolean,
  ) {
    this.clientId = id
    this.#ports = ports
    this.#congestion = ports.congestion
    this.#memory = memory
    this.#isIdle = isIdle
    this.#most = extendedLimits(limits, ports.options)
    ports.timers.schedule(this.#timer, TICK_MS)
  }

  get messages(): number {
    return this.#messages
  }
  get bytes(): number {
    return this.#bytes
  }

  /** Whether more may wait for it than for a client that does not read: it drains, or may still begin to. */
  get mayBurst(): boolean {
    return this.#ticks < GRACE_TICKS || this.#isDraining
  }

  /** The current limits of its queue. */
  extend(limits: QueueLimits): QueueLimits {
    return this.mayBurst ? extendedLimits(limits, this.#ports.options) : limits
  }

  /** Called when a message has to wait. */
  added(bytes: number): void {
    if (this.#messages++ === 0) this.#congestion.waiting.add(this)
    this.#bytes += bytes
    if (this.#timer.index === -1) this.#ports.timers.schedule(this.#timer, TICK_MS)
    this.#look()
  }

  /** Called when a waiting message was sent. */
  sent(bytes: number): void {
    const amount = 1 + bytes / BYTES_FOR_ONE
    this.#drained += amount
    this.#drainedLately += amount
    this.removed(bytes)
    // as many publishers continue as messages have left; more, if messages of earlier ones were refused later
    this.#letIn(this.#isFull ? 1 : 2)
  }

  /** Called when a message no longer waits. */
  removed(bytes: number): void {
    this.#set(this.#messages - 1, this.#bytes - bytes)
  }

  /** Sets the counts when the stored queue is empty, to those of the messages in memory. */
  settled(messages: number, bytes: number): void {
    this.#set(messages, bytes)
    if (messages === 0) this.#letIn(this.#most.maxMessages / 4)
  }

  /** A promise that a publisher has to wait for before its message is stored; undefined if there is room. */
  untilRoom(): Promise<void> | undefined {
    if (!this.#isFull || this.#held > 0 || !(this.#isDraining || this.#isNew)) return undefined
    const waiter = new Waiters()
    this.#waiters.push(waiter)
    return waiter.wait()
  }

  /**
   * A promise that the host has to wait for before its next message; undefined if there is room, or the queue does not
   * drain.
   */
  untilCalm(): Promise<void> | undefined {
    return this.#isBusy && this.#held === 0 && this.#mayDrain ? this.#host.wait() : undefined
  }

  /**
   * Called when a message that the client itself published has to wait for another client. Meanwhile nobody waits for
   * this client.
   */
  hold(): void {
    this.#held++
    this.#letAllIn()
  }

  unhold(): void {
    this.#held--
  }

  /** Releases all waiting publishers, because the connection has ended. */
  close(): void {
    this.#ports.timers.cancel(this.#timer)
    this.#set(0, 0)
    this.#letAllIn()
  }

  /**
   * Whether it is too early to know if the queue drains. With a limit set by the host, this grace period does not
   * apply.
   */
  get #isNew(): boolean {
    return this.#ticks < NEW_TICKS && this.#most.maxMessages > this.#ports.options.maxQueuedMessages
  }

  get #isDraining(): boolean {
    return this.#drainedLately >= DRAINED_PER_SECOND
  }

  get #mayDrain(): boolean {
    return this.#isDraining || this.#ticks < NEW_TICKS
  }

  #set(messages: number, bytes: number): void {
    this.#messages = Math.max(0, messages)
    this.#bytes = Math.max(0, bytes)
    if (this.#messages === 0) {
      this.#ticks = 0
      this.#congestion.waiting.delete(this)
    }
    this.#look()
  }

  #look(): void {
    const { maxMessages, maxBytes } = this.#most
    const isFull = this.#messages * 2 >= maxMessages || this.#bytes * 2 >= maxBytes
    if (isFull !== this.#isFull) {
      this.#isFull = isFull
      this.#congestion.count += isFull ? 1 : -1
    }
    const isBusy = isFull || this.#memory.bytes * 2 >= this.#ports.options.maxOutboxBytes
    if (isBusy === this.#isBusy) return
    this.#isBusy = isBusy
    this.#congestion.busy += isBusy ? 1 : -1
    if (!isBusy) this.#host.release()
  }

  #tick(): void {
    this.#ticks++
    this.#drainedBefore.push(this.#drained)
    if (this.#drainedBefore.length > TICKS_PER_SECOND) this.#drainedLately -= this.#drainedBefore.shift()!
    this.#drained = 0
    if (this.#isIdle()) this.#ticks = 0
    else this.#ports.timers.schedule(this.#timer, TICK_MS)
    if (!this.#isDraining && !this.#isNew) this.#letIn(Number.POSITIVE_INFINITY)
    if (!this.#mayDrain) this.#host.release()
  }

  #letAllIn(): void {
    this.#letIn(Number.POSITIVE_INFINITY)
    this.#host.release()
  }

  #letIn(count: number): void {
    if (this.#waiters.length === 0) return
    for (const waiter of this.#waiters.splice(0, count)) waiter.release()
  }
}
