/**
 * The grammar of topic names and topic filters: levels, wildcards, `$share`, and whether one matches the other.
 * Works on strings that are already well-formed text; knows no bytes, no client and no subscription.
 */

const NUL = 0x00
const HASH = 0x23
const DOLLAR = 0x24
const PLUS = 0x2b
const SLASH = 0x2f

const SHARE_PREFIX = '$share/'

/** A shared subscription's filter, taken apart. */
export interface Share {
  /** The share name: members of one group take turns. */
  group: string
  /** The filter that topics are matched against. */
  filter: string
}

/** Whether a message may be published to this: not empty, no U+0000, no wildcard [MQTT-4.7.0-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2]. */
export function isTopicName(topic: string): boolean {
  for (let i = 0; i < topic.length; i++) {
    const code = topic.charCodeAt(i)
    if (code === NUL || code === HASH || code === PLUS) return false
  }
  return topic.length > 0
}

/** Whether a client may subscribe to this: an ordinary filter, or a `$share/group/filter` that is well formed. */
export function isTopicFilter(filter: string): boolean {
  return isSharedFilter(filter) ? parseShare(filter) !== undefined : isPlainFilter(filter)
}

/**
 * Whether a filter asks for a shared subscription. It need not be a valid one: {@link parseShare} tells.
 */
export function isSharedFilter(filter: string): boolean {
  return filter.charCodeAt(0) === DOLLAR && filter.startsWith(SHARE_PREFIX)
}

/**
 * Takes `$share/group/filter` apart [MQTT-4.8.2-1] [MQTT-4.8.2-2].
 * @returns undefined where it is not a shared filter, or not a valid one
 */
export function parseShare(filter: string): Share | undefined {
  if (!isSharedFilter(filter)) return undefined
  const slash = filter.indexOf('/', SHARE_PREFIX.length)
  if (slash <= SHARE_PREFIX.length) return undefined
  const group = filter.slice(SHARE_PREFIX.length, slash)
  const rest = filter.slice(slash + 1)
  if (!isTopicName(group) || !isPlainFilter(rest)) return undefined
  return { group, filter: rest }
}

/** The number of levels; an empty level counts as one. */
export function levelCount(topic: string): number {
  let levels = 1
  for (let i = 0; i < topic.length; i++) {
    if (topic.charCodeAt(i) === SLASH) levels++
  }
  return levels
}

/** Whether a filter matches more than the one topic of the same name. */
export function hasWildcard(filter: string): boolean {
  for (let i = 0; i < filter.length; i++) {
    const code = filter.charCodeAt(i)
    if (code === HASH || code === PLUS) return true
  }
  return false
}

/** Whether a topic begins with `$`: filters that begin with a wildcard do not match it [MQTT-4.7.2-1]. */
export function isSystemTopic(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR
}

/** Whether a valid filter (not a shared one) matches a topic name. For one pair; a tree is better for many. */
export function filterMatches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0)
  if ((first === HASH || first === PLUS) && isSystemTopic(topic)) return false
  let at = 0
  for (let i = 0; i < filter.length; i++) {
    const code = filter.charCodeAt(i)
    if (code === HASH) return true
    if (code === PLUS) at = levelEnd(topic, at)
    else if (at < topic.length && topic.charCodeAt(at) === code) at++
    // `#` includes the parent level: `sport/#` matches `sport`
    else return at === topic.length && code === SLASH && i === filter.length - 2 && filter.charCodeAt(i + 1) === HASH
  }
  return at === topic.length
}

/** Where the level that begins at `from` ends: the index of its slash, or the end of the text. */
export function levelEnd(topic: string, from: number): number {
  let i = from
  while (i < topic.length && topic.charCodeAt(i) !== SLASH) i++
  return i
}

/** `+` and `#` fill their level, and `#` is the last one [MQTT-4.7.1-1] [MQTT-4.7.1-2]. */
function isPlainFilter(filter: string): boolean {
  const last = filter.length - 1
  for (let i = 0; i <= last; i++) {
    const code = filter.charCodeAt(i)
    if (code === NUL) return false
    if (code !== HASH && code !== PLUS) continue
    if (i > 0 && filter.charCodeAt(i - 1) !== SLASH) return false
    if (i < last && (code === HASH || filter.charCodeAt(i + 1) !== SLASH)) return false
  }
  return last >= 0
}
