/**
 * How to find what a filter matches among topics that lie in the order of their bytes: from each topic to the next
 * place where a match may be, past all that cannot match. Owns where that is; reads nothing.
 */
import { filterMatches, isSystemTopic } from '../../../topic/topic.js'
import { MAX_PREFIX_BYTES, textPrefix } from '../engine/encoding.js'

/** Sorts right behind `/`, and so behind all topics below a level. */
const BEHIND_SLASH = '0'
/** Sorts right behind `$`. */
const BEHIND_SYSTEM_TOPICS = '%'

/** Where to look on: at the very next key, from a key on, or nowhere. */
export type NextPlace = 'next' | 'end' | Buffer

/** A walk along the topics that a filter with wildcards matches, among those that begin as it does up to the first. */
export class TopicScan {
  readonly #filter: string
  readonly #levels: readonly string[]
  readonly #hasFreeLevel: boolean

  constructor(filter: string) {
    this.#filter = filter
    this.#levels = filter.split('/')
    this.#hasFreeLevel = this.#levels.includes('+')
  }

  matches(topic: string): boolean {
    return filterMatches(this.#filter, topic)
  }

  /** Where to look on behind a topic, which lies at this key. */
  behind(topic: string, key: Buffer): NextPlace {
    const [first] = this.#levels
    if (isSystemTopic(topic) && (first === '+' || first === '#')) return textPrefix(BEHIND_SYSTEM_TOPICS)
    // What begins as the filter does up to its `#` all matches.
    if (!this.#hasFreeLevel) return 'next'
    const levels = topic.split('/')
    const mismatch = this.#mismatch(levels)
    if (mismatch === undefined) return 'next'
    for (const place of this.#places(levels, mismatch)) {
      // Longer keys are not in the order of their topics.
      if (Buffer.byteLength(place) > MAX_PREFIX_BYTES) return 'next'
      const start = textPrefix(place)
      if (Buffer.compare(start, key) > 0) return start
    }
    return 'end'
  }

  /** The first level that is another than the filter wants, or one too many; undefined where matches may begin so. */
  #mismatch(levels: readonly string[]): number | undefined {
    for (const [i, level] of levels.entries()) {
      const wanted = this.#levels[i]
      if (wanted === '#') return undefined
      if (wanted !== '+' && wanted !== level) return i
    }
    return undefined
  }

  /** Where matches begin that share the levels before the mismatch, and then what is behind all of these; in order. */
  *#places(levels: readonly string[], mismatch: number): Generator<string, void, undefined> {
    const wildcard = this.#levels.findIndex((level, i) => i >= mismatch && (level === '+' || level === '#'))
    const literalEnd = wildcard === -1 ? this.#levels.length : wildcard
    if (mismatch < literalEnd) {
      const wanted = [...levels.slice(0, mismatch), ...this.#levels.slice(mismatch, literalEnd)].join('/')
      if (this.#levels[literalEnd] !== '+') yield wanted
      if (wildcard !== -1) yield `${wanted}/`
    }
    const lastFree = this.#levels.lastIndexOf('+', mismatch - 1)
    if (mismatch > 0 && lastFree !== -1) yield levels.slice(0, lastFree + 1).join('/') + BEHIND_SLASH
  }
}
