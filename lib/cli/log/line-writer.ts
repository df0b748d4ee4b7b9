/**
 * Writes lines to the standard error stream, joining those of some milliseconds: a separate write for each line costs
 * more than the line. Must not know their content.
 */

/** How long a line may wait for others. */
const WAIT_MS = 20

export class LineWriter {
  #lines = ''

  constructor() {
    process.once('exit', this.flush)
  }

  /** Adds a line, which is written soon, at the latest when the process exits. */
  add(line: string): void {
    if (this.#lines === '') setTimeout(this.flush, WAIT_MS).unref()
    this.#lines += `${line}\n`
  }

  /** Writes all waiting lines. */
  readonly flush = (): void => {
    if (this.#lines === '') return
    const lines = this.#lines
    this.#lines = ''
    process.stderr.write(lines)
  }
}
