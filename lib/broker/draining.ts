/**
 * Empties a broker before it is stopped: new clients are refused, and connected ones are disconnected gradually, so
 * that the other servers are not overrun. Owns the pace; must not know where clients go.
 */
import type { DrainOptions } from '../../types/broker/broker.js'
import type { Connection } from '../connection/connection.js'
import { AnaxError } from '../errors.js'
import type { ResolvedOptions } from '../ports/resolved-options.js'
import { Timer, type Timers } from '../util/scheduling/timers.js'

/** Slices per second. */
const SLICES = 10
const SLICE_MS = 1000 / SLICES
const PER_SECOND = 500

/** The broker as this part sees it. */
interface DrainedParts {
  readonly options: ResolvedOptions
  readonly timers: Timers
  readonly connections: Iterable<Connection>
  readonly sessions: { readonly size: number }
}

/** The refusal of new clients, and the server that they can use instead. */
export interface Elsewhere {
  readonly error: AnaxError
  readonly refusal: { readonly serverReference?: string }
}

export class Draining {
  readonly #parts: DrainedParts
  #elsewhere: Elsewhere | undefined
  #drained: Promise<void> | undefined
  #isOver = false
  /** Ends the pause between two slices. */
  #resume: (() => void) | undefined

  constructor(parts: DrainedParts) {
    this.#parts = parts
  }

  /** The refusal of new clients; undefined while the broker is not being drained. */
  get elsewhere(): Elsewhere | undefined {
    return this.#elsewhere
  }

  /**
   * Resolves when no client is connected any more. A second call waits for the first.
   * @throws AnaxError ANAX_ERR_ARGUMENT
   */
  begin(options: DrainOptions): Promise<void> {
    const { to, perSecond = PER_SECOND, will = 'publish' } = options
    if (to !== undefined && (typeof to !== 'string' || to === '')) throw refused('to has to be a server reference')
    if (!(perSecond >= 1)) throw refused('perSecond has to be a number from 1')
    if (will !== 'publish' && will !== 'discard') throw refused("will has to be 'publish' or 'discard'")
    this.#elsewhere ??= {
      error: new AnaxError('ANAX_ERR_DRAINING'),
      refusal: to === undefined ? {} : { serverReference: to },
    }
    this.#drained ??= this.#run(Math.ceil(perSecond / SLICES), will)
    return this.#drained
  }

  /** Stops draining, because the broker closes, which ends all connections. */
  stop(): void {
    this.#isOver = true
    this.#resume?.()
  }

  async #run(slice: number, will: 'publish' | 'discard'): Promise<void> {
    const { sessions, connections } = this.#parts
    // clients whose CONNECT was being answered at the beginning are connected a moment later
    for (;;) {
      const next = [...connections].filter(({ connected }) => connected).slice(0, slice)
      await Promise.all(next.map(connection => this.#end(connection, will)))
      if (sessions.size === 0 || this.#isOver) return
      await this.#pause()
    }
  }

  async #end(connection: Connection, will: 'publish' | 'discard'): Promise<void> {
    const { timers, options } = this.#parts
    const { error, refusal } = this.#elsewhere!
    // packets that the client has sent are answered first
    await timers.within(options.closeTimeoutMs, connection.stopReading())
    await connection.disconnect(error, refusal, will)
  }

  #pause(): Promise<void> {
    return new Promise(resolve => {
      this.#resume = resolve
      this.#parts.timers.schedule(new Timer(resolve), SLICE_MS)
    })
  }
}

function refused(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail: `drain: ${detail}` })
}
