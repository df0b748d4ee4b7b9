/**
 * Tells for which subjects a shard's log has new messages: one request for all sessions that ask in the same turn, most
 * of which have missed nothing. Owns the combination of the questions; must not know sessions, nor read the messages.
 */
import { Gathering } from '../wire/gathering.js'
import type { StoredRecord } from '../wire/wire.js'
import { covers } from './interest.js'

/** Maximum number of sessions and of subjects in one request. An answer has 1,024 messages at most. */
const MAX_ASKING = 200
const MAX_SUBJECTS = 500
/** Maximum number of subjects to remember that match too many topics. */
const MAX_BROAD = 1000

/** A session that asks. */
interface Asking {
  readonly subjects: readonly string[]
  readonly after: number
  /** The sequence that the answering replica must have reached. */
  readonly atLeast: number
  resolve(subjects: string[]): void
  reject(error: unknown): void
}

/**
 * Reads the last message of each of the subjects, from a sequence on. `too many`: the answer would be too large.
 * `behind`: no replica has reached the sequence `atLeast`.
 */
export type ReadLast = (
  subjects: readonly string[],
  range: { readonly from: number; readonly atLeast: number },
) => Promise<StoredRecord[] | 'too many' | 'behind'>

export class NewMessages {
  readonly #readLast: ReadLast
  readonly #asking = new Gathering<Asking>(MAX_ASKING, asking => this.#answer(asking))
  /** Subjects that match too many topics to ask for; they are read at once. */
  readonly #broad = new Set<string>()

  constructor(readLast: ReadLast) {
    this.#readLast = readLast
  }

  /**
   * @param subjects may have wildcards
   * @returns those that may have messages after `after`; the others have none up to `upTo`
   */
  of(subjects: readonly string[], after: number, upTo: number): Promise<string[]> {
    return new Promise((resolve, reject) => this.#asking.add({ subjects, after, atLeast: upTo, resolve, reject }))
  }

  async #answer(asking: readonly Asking[]): Promise<void> {
    try {
      const newest = await this.#newestOf(asking)
      for (const { subjects, after, resolve } of asking) {
        resolve(subjects.filter(subject => (newest.get(subject) ?? Number.POSITIVE_INFINITY) > after))
      }
    } catch (error) {
      for (const { reject } of asking) reject(error)
    }
  }

  /** @returns the newest sequence of each subject, 0 without a new message; those that are not known are missing */
  async #newestOf(asking: readonly Asking[]): Promise<Map<string, number>> {
    const subjects = new Set(asking.flatMap(one => one.subjects))
    for (const subject of this.#broad) subjects.delete(subject)
    const range = {
      from: Math.min(...asking.map(({ after }) => after)) + 1,
      atLeast: Math.max(...asking.map(({ atLeast }) => atLeast)),
    }
    const newest = new Map<string, number>()
    await Promise.all(partsOf([...subjects]).map(part => this.#ask(part, range, newest)))
    return newest
  }

  /** Asks for some of the subjects; if they match too many topics, for each half of them. */
  async #ask(
    subjects: readonly string[],
    range: { from: number; atLeast: number },
    newest: Map<string, number>,
  ): Promise<void> {
    const found = await this.#readLast(subjects, range)
    if (found === 'behind') return
    if (found !== 'too many') noteNewest(found, subjects, newest)
    else if (subjects.length === 1) this.#noteBroad(subjects[0]!)
    else {
      const half = subjects.length >> 1
      await this.#ask(subjects.slice(0, half), range, newest)
      await this.#ask(subjects.slice(half), range, newest)
    }
  }

  #noteBroad(subject: string): void {
    if (this.#broad.size >= MAX_BROAD) this.#broad.clear()
    this.#broad.add(subject)
  }
}

function partsOf(subjects: readonly string[]): string[][] {
  const parts: string[][] = []
  for (let start = 0; start < subjects.length; start += MAX_SUBJECTS) {
    parts.push(subjects.slice(start, start + MAX_SUBJECTS))
  }
  return parts
}

function noteNewest(found: readonly StoredRecord[], subjects: readonly string[], newest: Map<string, number>): void {
  const literal = new Map(found.map(({ subject, sequence }) => [subject, sequence]))
  for (const subject of subjects) {
    const wildcard = subject.search(/[*>]/)
    const sequence = wildcard === -1 ? literal.get(subject) : newestOf(found, subject, subject.slice(0, wildcard))
    newest.set(subject, sequence ?? 0)
  }
}

/** @param prefix what stands before the first wildcard */
function newestOf(found: readonly StoredRecord[], wide: string, prefix: string): number {
  let newest = 0
  for (const { subject, sequence } of found) {
    if (sequence > newest && subject.startsWith(prefix) && covers([wide], subject)) newest = sequence
  }
  return newest
}
