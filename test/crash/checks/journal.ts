/**
 * What a client must not forget, on disk: one line of JSON for each entry. State is nothing but the entries so far,
 * applied in order, so the life that wrote them, the next one and the judge come to the same result.
 * Knows nothing of what the entries mean.
 */
import { fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

const NEWLINE = 0x0a

/** The side of its only writer. */
export class Journal<Entry> {
  readonly #file: number
  readonly #apply: (entry: Entry) => void
  #unwritten = ''

  /** Opens it, and applies what former lives wrote. */
  constructor(path: string, apply: (entry: Entry) => void) {
    const reader = new JournalReader(path, apply)
    reader.read()
    this.#apply = apply
    this.#file = openSync(path, 'a')
    // Whoever was killed while writing left half a line, and nobody was told what it says.
    ftruncateSync(this.#file, reader.position)
  }

  /** Applies an entry; it holds from the next `flush` on. */
  note(entry: Entry): void {
    this.#apply(entry)
    this.#unwritten += `${JSON.stringify(entry)}\n`
  }

  /** Brings what was noted to the disk; to be called before anybody is told of it. */
  flush(): void {
    if (this.#unwritten === '') return
    writeSync(this.#file, this.#unwritten)
    fsyncSync(this.#file)
    this.#unwritten = ''
  }
}

/** The side of whoever looks on. */
export class JournalReader<Entry> {
  readonly #file: number
  readonly #apply: (entry: Entry) => void
  #position = 0

  constructor(path: string, apply: (entry: Entry) => void) {
    this.#file = openSync(path, 'a+')
    this.#apply = apply
  }

  /** The end of the last whole line that was read. */
  get position(): number {
    return this.#position
  }

  /** Applies the whole lines that came since the last time. */
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
