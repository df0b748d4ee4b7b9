/**
 * Addresses that failed to authenticate, and the delays of their next attempts. Owns the delays; must not know how a
 * client is authenticated. An address never delays another one.
 */
import type { Client } from '../../../types/client/client.js'
import type { AuthenticationDelay } from '../../../types/client/rates.js'
import { AnaxError } from '../../errors.js'
import { networkOf } from '../../util/network.js'
import { Timer, type Timers } from '../../util/scheduling/timers.js'

/** Maximum number of remembered addresses; beyond it, the one that failed least recently is forgotten. */
const MAX_ADDRESSES = 10_000

interface Failures {
  count: number
  /** When the next attempt may be made. */
  nextAt: number
  lastAt: number
}

export class AuthenticationFailures {
  readonly #delay: Required<AuthenticationDelay>
  readonly #timers: Timers
  /** Address -> its failures; the one that failed least recently first. */
  readonly #failures = new Map<string, Failures>()

  constructor(delay: AuthenticationDelay, timers: Timers) {
    this.#delay = { freeFailures: 3, firstDelayMs: 500, maxDelayMs: 10_000, forgetAfterSeconds: 900, ...delay }
    this.#timers = timers
  }

  get size(): number {
    return this.#failures.size
  }

  /**
   * @returns undefined if the attempt may be made immediately; otherwise why it is refused, or a promise of its turn
   */
  turn({ address }: Client): AnaxError | Promise<void> | undefined {
    const failures = address === undefined ? undefined : this.#failuresOf(networkOf(address))
    const delayMs = failures === undefined ? 0 : this.#delayAfter(failures.count)
    if (failures === undefined || delayMs === 0) return undefined
    const now = this.#timers.now()
    const at = Math.max(now, failures.nextAt)
    if (at - now > this.#delay.maxDelayMs) {
      return new AnaxError('ANAX_ERR_AUTH_DELAY', { detail: `${failures.count} failures, and others wait already` })
    }
    failures.nextAt = at + delayMs
    return at === now ? undefined : new Promise(resolve => this.#timers.scheduleAt(new Timer(resolve), at))
  }

  failed({ address }: Client): void {
    if (address === undefined) return
    const network = networkOf(address)
    const now = this.#timers.now()
    const known = this.#failuresOf(network)
    const count = (known?.count ?? 0) + 1
    const nextAt = Math.max(known?.nextAt ?? 0, now + this.#delayAfter(count))
    this.#failures.delete(network)
    this.#failures.set(network, { count, nextAt, lastAt: now })
    if (this.#failures.size > MAX_ADDRESSES) this.#failures.delete(this.#failures.keys().next().value!)
  }

  succeeded({ address }: Client): void {
    if (address !== undefined) this.#failures.delete(networkOf(address))
  }

  #failuresOf(network: string): Failures | undefined {
    const failures = this.#failures.get(network)
    if (failures === undefined) return undefined
    if (this.#timers.now() - failures.lastAt < this.#delay.forgetAfterSeconds * 1000) return failures
    this.#failures.delete(network)
    return undefined
  }

  #delayAfter(count: number): number {
    const { freeFailures, firstDelayMs, maxDelayMs } = this.#delay
    return count <= freeFailures ? 0 : Math.min(maxDelayMs, firstDelayMs * 2 ** (count - freeFailures - 1))
  }
}
