/**
 * Detects clients that keep taking over each other's session, and bans one of them for some time if configured: from
 * its address only, because banning the identifier would lock its owner out. A device that comes back while its dead
 * connection is still open takes over nobody's session: only connections whose client is alive count. Must not know
 * sessions.
 */
import type { Client } from '../../../types/client.js'
import type { FlappingOptions } from '../../../types/rates.js'
import { AnaxError } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import { networkOf } from '../../util/network.js'
import type { Timers } from '../../util/scheduling/timers.js'

/** Maximum number of sessions whose takeovers are counted, and of bans; beyond it, the oldest is forgotten. */
const MAX_REMEMBERED = 10_000

interface Takeovers {
  /** From clients that were alive. */
  count: number
  since: number
  /** The address that had the session before the first takeover. */
  holder: string | undefined
}

export class FlappingWatch {
  readonly #options: Required<FlappingOptions>
  readonly #timers: Timers
  readonly #events: EventSink
  readonly #takeovers = new Map<string, Takeovers>()
  /** Address and client identifier -> when the ban ends. */
  readonly #bans = new Map<string, number>()

  constructor(options: FlappingOptions, { timers, events }: { timers: Timers; events: EventSink }) {
    this.#options = { takeovers: 10, withinSeconds: 60, banSeconds: 0, ...options }
    this.#timers = timers
    this.#events = events
  }

  /** @returns why a client is refused */
  banOf({ address }: Pick<Client, 'address'>, clientId: string): AnaxError | undefined {
    if (this.#bans.size === 0) return undefined
    const key = keyOf(address, clientId)
    const until = this.#bans.get(key)
    if (until === undefined) return undefined
    const leftMs = until - this.#timers.now()
    if (leftMs > 0) return banned(leftMs)
    this.#bans.delete(key)
    return undefined
  }

  /**
   * Notes that a client takes over the session of another.
   * @returns what to call if the other one is alive, which shows when its connection is closed
   * @throws AnaxError ANAX_ERR_BANNED if it must not
   */
  takenOver(clientId: string, from: Client, by: Client): () => void {
    const now = this.#timers.now()
    const { takeovers, withinSeconds, banSeconds } = this.#options
    const known = this.#takeovers.get(clientId)
    const isRecent = known !== undefined && now - known.since <= withinSeconds * 1000
    const current = isRecent ? known : { count: 0, since: now, holder: from.address }
    if (!isRecent) remember(this.#takeovers, clientId, current)
    const isAlive = () => {
      current.count++
    }
    // this one counts as well: with very few, it is not known in time whether its client is alive
    if (current.count + 1 < takeovers) return isAlive
    this.#takeovers.delete(clientId)
    // the client that had the session first keeps it
    const intruder = by.address === current.holder ? from : by
    const isBanned = banSeconds > 0
    if (isBanned) remember(this.#bans, keyOf(intruder.address, clientId), now + banSeconds * 1000)
    this.#events.emit('flapping', by, {
      clientId,
      takeovers: current.count + 1,
      durationMs: now - current.since,
      addresses: [from.address, by.address],
      banned: isBanned ? (intruder.address ?? 'local') : undefined,
    })
    const ban = this.banOf(by, clientId)
    if (ban !== undefined) throw ban
    return isAlive
  }
}

function keyOf(address = 'local', clientId: string): string {
  return `${networkOf(address)} ${clientId}`
}

function banned(leftMs: number): AnaxError {
  return new AnaxError('ANAX_ERR_BANNED', { detail: `for ${Math.ceil(leftMs / 1000)} seconds` })
}

function remember<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value!)
}
