/** A file of lines that survives a crash: when `append` has returned, the line is on the disk. */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

export class Journal {
  /** The lines when it was opened. */
  readonly lines: readonly string[]
  readonly #file: number

  constructor(path: string) {
    this.lines = readJournal(path)
    this.#file = openSync(path, 'a')
    // A writer that was killed may have left half a line, after which nothing may be written.
    ftruncateSync(this.#file, Buffer.byteLength(this.lines.map(line => `${line}\n`).join('')))
  }

  append(line: string): void {
    writeSync(this.#file, `${line}\n`)
    fsyncSync(this.#file)
  }

  close(): void {
    closeSync(this.#file)
  }
}

/** The lines of a journal; none if there is no file yet. */
export function readJournal(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
}
