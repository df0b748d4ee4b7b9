/**
 * Topic names -> one value each: what the retained messages lie in. Owns the search by filter.
 * Knows no message.
 */
import { type Child, LevelNode, LevelTree, ownValue } from './level-tree.js'
import { hasWildcard } from './topic.js'

/** A search that goes on: children that are still to be seen, and the filter's level that they are held against. */
interface Cursor<V extends NonNullable<unknown>> {
  children: Iterator<Child<V>>
  /** Only as many as there were at first: a search ends, even where each step adds a topic. */
  left: number
  level: number
}

/** A map of topic names that can be searched by filter. Topics and filters are taken as valid. */
export class TopicTree<V extends NonNullable<unknown>> extends LevelTree<V> {
  /**
   * The values of the topics that match a filter, found as they are asked for. The tree may be changed meanwhile:
   * a value that is removed before its turn is not seen, one that is added may or may not be.
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
 * Goes down from a child that matched so far: along the filter's named levels, until its end or a wildcard,
 * whose children become a further cursor.
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
    // `#` matches its parent level too, and then whatever lies below
    if (!(child instanceof LevelNode)) return level === '#' ? child : undefined
    if (level === '#' || level === '+') {
      cursors.push({ children: child.children(), left: child.childCount, level: level === '#' ? i : i + 1 })
      return level === '#' ? child.value : undefined
    }
    child = child.child(level)
  }
  return ownValue(child)
}
