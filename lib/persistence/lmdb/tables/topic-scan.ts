/**
 * Finds the topics that a filter matches in a sorted list, and skips ranges that cannot match. Owns where the next
 * match may be. Reads nothing itself.
 */
import { filterMatches, isSystemTopic } from '../../../topic/topic.js'
import { MAX_PREFIX_BYTES, textPrefix } from '../engine/encoding.js'

/** The character after `/`: sorts after all topics below a level. */
const BEHIND_SLASH = '0'
/** The character after `$`. */
const BEHIND_SYSTEM_TOPICS = '%'

/** Where to continue: at the next key, at a given key, or nowhere. */
export type NextPlace = 'next' | 'end' | Buffer

/** A scan for a filter with wildcards, among the topics that share its beginning up to the first wildcard. */
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

  /** Where to continue after a topic with this key. */
  behind(topic: string, key: Buffer): NextPlace {
    const [first] = this.#levels
    if (isSystemTopic(topic) && (first === '+' || first === '#')) return textPrefix(BEHIND_SYSTEM_TOPICS)
    // Everything that begins like the filter up to its `#` matches.
    if (!this.#hasFreeLevel) return 'next'
    const levels = topic.split('/')
    const mismatch = this.#mismatch(levels)
    if (mismatch === undefined) return 'next'
    for (const place of this.#places(levels, mismatch)) {
      // Longer keys do not sort like their topics.
      if (Buffer.byteLength(place) > MAX_PREFIX_BYTES) return 'next'
      const start = textPrefix(place)
      if (Buffer.compare(start, key) > 0) return start
    }
    return 'end'
  }

  /** The first level that does not match, or is one too many. Undefined if a match may begin like this. */
  #mismatch(levels: readonly string[]): number | undefined {
    for (const [i, level] of levels.entries()) {
      const wanted = this.#levels[i]
      if (wanted === '#') return undefined
      if (wanted !== '+' && wanted !== level) return i
    }
    return undefined
  }

  /** Where matches may begin, in order: with the same levels before the mismatch, then after all of these. */
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
