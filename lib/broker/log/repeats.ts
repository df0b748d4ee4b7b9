/**
 * Keeps a log readable when the same line repeats: the first is written immediately, repetitions within five seconds
 * are counted. Owns the counting; must not know the content of a line.
 */
import { Timer, type Timers } from '../../util/scheduling/timers.js'

/** How long repetitions are counted before the line is written again. */
const WINDOW_MS = 5000

/** Maximum number of kinds that are counted separately in that time; further ones are counted together. */
const MAX_KINDS = 1000

/** Writes a line. @param repeated the number of repetitions since the previous line; undefined for the first */
export type WriteLine = (repeated?: number) => void

export class Repeats {
  readonly #timers: Timers
  readonly #kinds = new Map<string, { repeated: number; write: WriteLine }>()
  readonly #timer = new Timer(() => this.flush())
  /** Writes the number of lines that were not counted separately. */
  readonly #writeFurther: (count: number) => void
  #further = 0

  constructor(timers: Timers, writeFurther: (count: number) => void) {
    this.#timers = timers
    this.#writeFurther = writeFurther
  }

  /** @param kind equal for lines that count as repetitions */
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

  /** Writes the counted repetitions. */
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
