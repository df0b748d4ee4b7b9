/**
 * Compares filters: whether one matches a topic, covers another filter, or has topics in common with it. Works on valid
 * strings; knows no rule and no client.
 */

/** A filter without `$share/group/`. */
export function plainFilter(filter: string): string {
  if (!filter.startsWith('$share/')) return filter
  const slash = filter.indexOf('/', '$share/'.length)
  return slash < 0 ? filter : filter.slice(slash + 1)
}

/** Whether a filter is valid: `+` and `#` fill their level, `#` is the last one. */
export function isFilter(filter: string): boolean {
  if (filter === '' || filter.includes('\0')) return false
  const levels = filter.split('/')
  return levels.every((level, index) => {
    if (level === '+') return true
    if (level === '#') return index === levels.length - 1
    return !/[+#]/.test(level)
  })
}

/** Whether a filter matches a topic. */
export function matches(filter: string, topic: string): boolean {
  return covers(filter, topic)
}

/** Whether every topic that `inner` matches is matched by `outer` as well. A topic is a filter that matches itself. */
export function covers(outer: string, inner: string): boolean {
  if (isWild(outer) && inner.startsWith('$')) return false
  const outers = outer.split('/')
  const inners = inner.split('/')
  for (const [index, level] of outers.entries()) {
    if (level === '#') return true
    const other = inners[index]
    if (other === undefined) return false
    if (other === '#' || (level !== '+' && level !== other)) return false
    if (index === inners.length - 1) return outers.length === inners.length || isParentOf(outers, index)
  }
  return false
}

/** Whether there are topics that both match. */
export function overlap(one: string, other: string): boolean {
  if ((isWild(one) && other.startsWith('$')) || (isWild(other) && one.startsWith('$'))) return false
  const ones = one.split('/')
  const others = other.split('/')
  const length = Math.max(ones.length, others.length)
  for (let index = 0; index < length; index++) {
    const left = ones[index]
    const right = others[index]
    if (left === '#' || right === '#') return true
    if (left === undefined || right === undefined) return false
    if (left !== right && left !== '+' && right !== '+') return false
  }
  return true
}

/** `sport/#` matches `sport`. */
function isParentOf(levels: readonly string[], index: number): boolean {
  return levels.length === index + 2 && levels[index + 1] === '#'
}

function isWild(filter: string): boolean {
  return filter.startsWith('+') || filter.startsWith('#')
}
