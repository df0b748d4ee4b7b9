/**
 * The subjects that a node needs, and a small set that covers them: a consumer accepts dozens of subjects, not
 * thousands, and none that overlap. Owns counting and merging; must not know a connection.
 */

/** Creating a consumer takes 15 ms with a hundred subjects, and a second with a thousand. */
const MAX_SUBJECTS = 64

/** The wanted subjects without their base, with counts. */
export class Interest {
  readonly #counts = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  has(subject: string): boolean {
    return this.#counts.has(subject)
  }

  /** @returns whether it is new */
  add(subject: string): boolean {
    const count = this.#counts.get(subject) ?? 0
    this.#counts.set(subject, count + 1)
    return count === 0
  }

  /** @returns whether it is no longer needed */
  remove(subject: string): boolean {
    const count = this.#counts.get(subject) ?? 0
    if (count > 1) this.#counts.set(subject, count - 1)
    return count === 1 && this.#counts.delete(subject)
  }

  subjects(): Iterable<string> {
    return this.#counts.keys()
  }
}

/** A few subjects that do not overlap and cover all the given ones. */
export function coverOf(subjects: Iterable<string>): string[] {
  let cover = [...new Set(subjects)]
  if (cover.length <= MAX_SUBJECTS) cover = withoutOverlaps(cover)
  for (let depth = 4; cover.length > MAX_SUBJECTS; depth--) {
    cover = withoutOverlaps([...new Set(cover.map(subject => prefixOf(subject, depth)))].slice(0, MAX_SUBJECTS * 4))
    if (depth === 0) return ['>']
  }
  return cover
}

/** Whether one of the subjects covers another one. */
export function covers(cover: readonly string[], subject: string): boolean {
  const tokens = subject.split('.')
  return cover.some(wide => includes(wide.split('.'), tokens))
}

function withoutOverlaps(subjects: readonly string[]): string[] {
  const kept: string[] = []
  // the widest first, so that covered subjects are skipped
  for (const subject of [...subjects].sort((one, other) => one.split('.').length - other.split('.').length)) {
    if (covers(kept, subject)) continue
    const tokens = subject.split('.')
    const rival = kept.findIndex(other => overlap(other.split('.'), tokens))
    if (rival === -1) kept.push(subject)
    else
      return withoutOverlaps([
        ...subjects.filter(one => one !== subject && one !== kept[rival]),
        union(kept[rival]!, subject),
      ])
  }
  return kept
}

/** The common prefix of two subjects, followed by a wildcard. */
function union(one: string, other: string): string {
  if (covers([one], other)) return one
  const others = other.split('.')
  const common: string[] = []
  for (const [index, token] of one.split('.').entries()) {
    if (token === '>' || others[index] === '>' || others[index] === undefined) break
    if (token !== others[index] && token !== '*' && others[index] !== '*') break
    common.push(token === others[index] ? token : '*')
  }
  return [...common, '>'].join('.')
}

function prefixOf(subject: string, depth: number): string {
  const tokens = subject.split('.')
  const wildcard = tokens.findIndex(token => token === '*' || token === '>')
  const length = Math.min(depth, wildcard === -1 ? tokens.length - 1 : wildcard)
  return tokens.length - 1 <= length && wildcard === -1 ? subject : [...tokens.slice(0, length), '>'].join('.')
}

/** Whether a subject (as tokens) covers another one. */
function includes(wide: readonly string[], narrow: readonly string[]): boolean {
  for (const [index, token] of wide.entries()) {
    if (token === '>') return narrow.length > index
    const other = narrow[index]
    if (other === undefined || other === '>' || (token !== '*' && token !== other)) return false
  }
  return wide.length === narrow.length
}

function overlap(one: readonly string[], other: readonly string[]): boolean {
  for (let index = 0; index < Math.max(one.length, other.length); index++) {
    const [a, b] = [one[index], other[index]]
    if (a === '>' || b === '>') return a !== undefined && b !== undefined
    if (a === undefined || b === undefined) return false
    if (a !== '*' && b !== '*' && a !== b) return false
  }
  return true
}
