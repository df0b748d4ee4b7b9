/**
 * A map from topic names to values, for retained messages. Owns the search by filter. Must not know messages.
 */
import { type Child, LevelNode, LevelTree, ownValue } from './level-tree.js'
import { hasWildcard } from './topic.js'

/** A search in progress: the children still to visit, and the level of the filter that they are compared with. */
interface Cursor<V extends NonNullable<unknown>> {
  children: Iterator<Child<V>>
  /** Visits only as many as there were at first: a search ends even if each step adds a topic. */
  left: number
  level: number
}

/** A map of topic names that can be searched by filter. Topics and filters must be valid. */
export class TopicTree<V extends NonNullable<unknown>> extends LevelTree<V> {
  /**
   * Finds the values of the topics that match a filter, lazily. The tree may change during the search: a value that is
   * removed before it is reached is not found, and one that is added may or may not be.
   */
  *match(filter: string): Generator<V, void, undefined> {
    if (!hasWildcard(filter)) {
      const value = this.get(filter)
      if (value !== undefined) yield value
      return
    }
    const levels = filter.split('/')
    const cursors: Cursor<V>[] = []
    let value = descend(this.rootOf(filter), 0, levels, cursors)
    for (;;) {
      if (value !== undefined) yield value
      const cursor = cursors.at(-1)
      if (cursor === undefined) return
      const child = cursor.left-- > 0 ? cursor.children.next().value : undefined
      if (child === undefined) cursors.pop()
      value = child === undefined ? undefined : descend(child, cursor.level, levels, cursors)
    }
  }
}

/**
 * Descends from a child that matched so far, along the filter's levels, until the end of the filter or a wildcard,
 * whose children become another cursor.
 * @returns the value of the topic where it ends, if it matches
 */
function descend<V extends NonNullable<unknown>>(
  from: Child<V>,
  fromLevel: number,
  levels: readonly string[],
  cursors: Cursor<V>[],
): V | undefined {
  let child: Child<V> | undefined = from
  for (let i = fromLevel; i < levels.length; i++) {
    const level = levels[i]!
    // `#` matches the parent level as well as everything below it
    if (!(child instanceof LevelNode)) return level === '#' ? child : undefined
    if (level === '#' || level === '+') {
      cursors.push({ children: child.children(), left: child.childCount, level: level === '#' ? i : i + 1 })
      return level === '#' ? child.value : undefined
    }
    child = child.child(level)
  }
  return ownValue(child)
}
