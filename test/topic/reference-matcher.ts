/**
 * Topic matching as the standard describes it, level by level and without regard to speed: the reference for the trees.
 * Also generates their input.
 */
import fc from 'fast-check'

/** Whether a filter matches a topic. */
export function referenceMatches(filter: string, topic: string): boolean {
  if (topic.startsWith('$') && /^[#+]/.test(filter)) return false
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (wanted.at(-1) === '#') {
    const parents = wanted.slice(0, -1)
    return parents.length <= levels.length && parents.every((level, i) => level === '+' || level === levels[i])
  }
  return wanted.length === levels.length && wanted.every((level, i) => level === '+' || level === levels[i])
}

const level = fc.constantFrom('', 'a', 'b', '$x', '__proto__', 'constructor', 'ü')

/** Topic names with few different levels, so that they match often. */
export const topicArbitrary = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .map(levels => levels.join('/'))
  .filter(topic => topic.length > 0)

/** Valid topic filters from the same levels. */
export const filterArbitrary = fc
  .tuple(
    fc.array(fc.oneof({ weight: 3, arbitrary: level }, { weight: 1, arbitrary: fc.constant('+') }), { maxLength: 5 }),
    fc.boolean(),
  )
  .map(([levels, multi]) => (multi ? [...levels, '#'] : levels).join('/'))
  .filter(filter => filter.length > 0)
