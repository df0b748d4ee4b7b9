/**
 * Writes lines to the standard error stream, those of some milliseconds at once: a write of its own for each line costs
 * more than the line. Must not know what is in them.
 */

/** How long a line may wait for others. */
const WAIT_MS = 20

export class LineWriter {
  #lines = ''

  constructor() {
    process.once('exit', this.flush)
  }

  /** The line is written soon, or at the latest when the process exits. */
  add(line: string): void {
    if (this.#lines === '') setTimeout(this.flush, WAIT_MS).unref()
    this.#lines += `${line}\n`
  }

  /** Writes what waits. */
  readonly flush = (): void => {
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    process.stderr.write(lines)
  }
}
