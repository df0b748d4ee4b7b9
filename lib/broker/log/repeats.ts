/**
 * Keeps a log readable when the same happens again and again: the first is written at once, the rest of five seconds is
 * counted. Owns the counting; must not know what a line says.
 */
import { Timer, type Timers } from '../../util/scheduling/timers.js'

/** How long the same is counted before it is written again. */
const WINDOW_MS = 5000

/** Kinds that are told apart in that time; what comes beyond is counted together. */
const MAX_KINDS = 1000

/** Writes a line. @param repeated how often the same happened since the line before; undefined for the first */
export type WriteLine = (repeated?: number) => void

export class Repeats {
  readonly #timers: Timers
  readonly #kinds = new Map<string, { repeated: number; write: WriteLine }>()
  readonly #timer = new Timer(() => this.flush())
  /** Writes how many there were that had no room. */
  readonly #writeFurther: (count: number) => void
  #further = 0

  constructor(timers: Timers, writeFurther: (count: number) => void) {
    this.#timers = timers
    this.#writeFurther = writeFurther
  }

  /** @param kind what makes two lines the same */
  add(kind: string, write: WriteLine): void {
    const known = this.#kinds.get(kind)
    if (known !== undefined) {
      known.repeated++
      known.write = write
    } else if (this.#kinds.size < MAX_KINDS) {
      if (this.#kinds.size === 0) this.#timers.schedule(this.#timer, WINDOW_MS)
      this.#kinds.set(kind, { repeated: 0, write })
      write()
    } else this.#further++
  }

  /** Writes what was counted. */
  flush(): void {
    this.#timers.cancel(this.#timer)
    const kinds = [...this.#kinds.values()]
    const further = this.#further
    this.#kinds.clear()
    this.#further = 0
    for (const { repeated, write } of kinds) if (repeated > 0) write(repeated)
    if (further > 0) this.#writeFurther(further)
  }
}
