/**
 * Detects clients that keep taking over each other's session, and bans one of them for some time if configured: from
 * its address only, because banning the identifier would lock its owner out. A device that comes back while its dead
 * connection is still open takes over nobody's session: only connections whose client is alive count. Must not know
 * sessions.
 */
import type { Client } from '../../../types/client/client.js'
import type { FlappingOptions } from '../../../types/client/rates.js'
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

interface LastTakeover {
  from: Client
  /** Undefined if it is connected to another node. */
  by: Client | undefined
  banned: string | undefined
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
    const series = this.#seriesOf(clientId, from)
    const isAlive = () => {
      series.count++
    }
    if (!this.#isTooLong(series)) return isAlive
    const { banSeconds } = this.#options
    // the client that had the session first keeps it
    const intruder = by.address === series.holder ? from : by
    const isBanned = banSeconds > 0
    if (isBanned) remember(this.#bans, keyOf(intruder.address, clientId), this.#timers.now() + banSeconds * 1000)
    this.#end(clientId, series, { from, by, banned: isBanned ? (intruder.address ?? 'local') : undefined })
    const ban = this.banOf(by, clientId)
    if (ban !== undefined) throw ban
    return isAlive
  }

  /**
   * Notes that a client of another node of the cluster takes over the session of one of this node.
   * @returns as `takenOver`
   */
  takenElsewhere(clientId: string, from: Client): () => void {
    const series = this.#seriesOf(clientId, from)
    if (this.#isTooLong(series)) this.#end(clientId, series, { from, by: undefined, banned: undefined })
    return () => {
      series.count++
    }
  }

  #seriesOf(clientId: string, from: Client): Takeovers {
    const now = this.#timers.now()
    const known = this.#takeovers.get(clientId)
    if (known !== undefined && now - known.since <= this.#options.withinSeconds * 1000) return known
    const series = { count: 0, since: now, holder: from.address }
    remember(this.#takeovers, clientId, series)
    return series
  }

  /** The one under way counts as well: with very few, it is not known in time whether its client is alive. */
  #isTooLong({ count }: Takeovers): boolean {
    return count + 1 >= this.#options.takeovers
  }

  #end(clientId: string, { count, since }: Takeovers, { from, by, banned }: LastTakeover): void {
    this.#takeovers.delete(clientId)
    this.#events.emit('flapping', by ?? from, {
      clientId,
      takeovers: count + 1,
      durationMs: this.#timers.now() - since,
      addresses: [from.address, by?.address],
      banned,
    })
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
