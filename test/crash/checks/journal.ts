/**
 * What a client must remember, on disk: one line of JSON for each entry. The state is the result of all entries in
 * order, so the client, its next start and the checks have the same state. Does not know the meaning of entries.
 */
import { fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

const NEWLINE = 0x0a

/** Used by the only writer. */
export class Journal<Entry> {
  readonly #file: number
  readonly #apply: (entry: Entry) => void
  #unwritten = ''

  /** Opens it, and applies the entries of earlier starts. */
  constructor(path: string, apply: (entry: Entry) => void) {
    const reader = new JournalReader(path, apply)
    reader.read()
    this.#apply = apply
    this.#file = openSync(path, 'a')
    // A writer that was killed may have left half a line; nothing depended on it yet.
    ftruncateSync(this.#file, reader.position)
  }

  /** Applies an entry; it is on disk after the next `flush`. */
  note(entry: Entry): void {
    this.#apply(entry)
    this.#unwritten += `${JSON.stringify(entry)}\n`
  }

  /** Writes the entries to disk; must be called before the client sends anything that depends on them. */
  flush(): void {
    if (this.#unwritten === '') return
    writeSync(this.#file, this.#unwritten)
    fsyncSync(this.#file)
    this.#unwritten = ''
  }
}

/** Used by the checks. */
export class JournalReader<Entry> {
  readonly #file: number
  readonly #apply: (entry: Entry) => void
  #position = 0

  constructor(path: string, apply: (entry: Entry) => void) {
    this.#file = openSync(path, 'a+')
    this.#apply = apply
  }

  /** The end of the last complete line that was read. */
  get position(): number {
    return this.#position
  }

  /** Applies the complete lines that were added since the last call. */
  read(): void {
    const added = Buffer.alloc(fstatSync(this.#file).size - this.#position)
    const length = readSync(this.#file, added, { position: this.#position })
    const end = added.subarray(0, length).lastIndexOf(NEWLINE) + 1
    this.#position += end
    for (const line of added.toString('utf8', 0, end).split('\n')) {
      if (line !== '') this.#apply(JSON.parse(line))
    }
  }
}
