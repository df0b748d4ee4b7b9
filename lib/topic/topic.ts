/**
 * The grammar of topic names and topic filters: levels, wildcards, `$share`, and matching.
 * Works on well-formed strings; must not know bytes, clients or subscriptions.
 */

const NUL = 0x00
const HASH = 0x23
const DOLLAR = 0x24
const PLUS = 0x2b
const SLASH = 0x2f

const SHARE_PREFIX = '$share/'

/** A parsed filter of a shared subscription. */
export interface Share {
  /** The ShareName: each message goes to one member of the group. */
  group: string
  /** The filter without `$share` and the ShareName. */
  filter: string
}

/**
 * Whether the text is a valid topic name: not empty, no U+0000, no wildcard [MQTT-4.7.0-1] [MQTT-4.7.3-1]
 * [MQTT-4.7.3-2].
 */
export function isTopicName(topic: string): boolean {
  for (let i = 0; i < topic.length; i++) {
    const code = topic.charCodeAt(i)
    if (code === NUL || code === HASH || code === PLUS) return false
  }
  return topic.length > 0
}

/** Whether the text is a valid topic filter, shared or not. */
export function isTopicFilter(filter: string): boolean {
  return isSharedFilter(filter) ? parseShare(filter) !== undefined : isPlainFilter(filter)
}

/**
 * Whether a filter begins with `$share/`. It may still be invalid: {@link parseShare} checks that.
 */
export function isSharedFilter(filter: string): boolean {
  return filter.charCodeAt(0) === DOLLAR && filter.startsWith(SHARE_PREFIX)
}

/**
 * Parses `$share/group/filter` [MQTT-4.8.2-1] [MQTT-4.8.2-2].
 * @returns undefined if it is not a valid filter of a shared subscription
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

/** Whether a filter contains a wildcard. */
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

/** The topic on which a Mosquitto bridge publishes its connection state to both brokers. */
const BRIDGE_STATE = /^\$SYS\/broker\/connection\/[^/]*\/state$/

/** Whether only the broker writes to a topic, unless a hook decides otherwise. */
export function isReservedTopic(topic: string): boolean {
  return topic.startsWith('$SYS/') && !BRIDGE_STATE.test(topic)
}

/** Whether a valid filter (not a shared one) matches a topic name. To match many filters, use a tree. */
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

/** The end of the level that begins at `from`: the index of the next slash, or the end of the text. */
export function levelEnd(topic: string, from: number): number {
  let i = from
  while (i < topic.length && topic.charCodeAt(i) !== SLASH) i++
  return i
}

/** `+` and `#` occupy a whole level, and `#` is the last level [MQTT-4.7.1-1] [MQTT-4.7.1-2]. */
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
