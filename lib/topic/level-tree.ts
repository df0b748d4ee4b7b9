/**
 * A map whose keys are topics or filters, stored level by level: the base of the tree of topics and the tree of
 * filters. A level without children has no node of its own: its value is in its parent. `+` and `#` are levels like
 * others. Must not know matching, nor what the values are.
 */
import { Branch } from './branch.js'
import { isSystemTopic, levelEnd } from './topic.js'

/** A level that has levels below it, and possibly a value. */
export class LevelNode<V extends NonNullable<unknown>> extends Branch<LevelNode<V> | V> {
  value: V | undefined
}

/** An entry below a level: a node with more levels, or only a value. */
export type Child<V extends NonNullable<unknown>> = LevelNode<V> | V

/** The value that ends at this level. */
export function ownValue<V extends NonNullable<unknown>>(child: Child<V> | undefined): V | undefined {
  return child instanceof LevelNode ? child.value : child
}

/** A map whose keys are split into levels. The cost of an operation is proportional to the number of levels. */
export class LevelTree<V extends NonNullable<unknown>> {
  readonly #root = new LevelNode<V>()
  readonly #systemRoot = new LevelNode<V>()
  #size = 0

  /** The number of values. */
  get size(): number {
    return this.#size
  }

  /**
   * Sets a value.
   * @returns the value it replaced
   */
  set(key: string, value: V): V | undefined {
    const last = key.lastIndexOf('/') + 1
    let node = this.rootOf(key)
    for (let at = 0; at < last; ) {
      const end = levelEnd(key, at)
      node = nodeOrNew(node, key.slice(at, end))
      at = end + 1
    }
    const previous = setValue(node, key.slice(last), value)
    if (previous === undefined) this.#size++
    return previous
  }

  get(key: string): V | undefined {
    let child: Child<V> | undefined = this.rootOf(key)
    for (let at = 0; at <= key.length; ) {
      if (!(child instanceof LevelNode)) return undefined
      const end = levelEnd(key, at)
      child = child.child(key.slice(at, end))
      at = end + 1
    }
    return ownValue(child)
  }

  /**
   * Removes a value.
   * @returns the value that was there
   */
  delete(key: string): V | undefined {
    const levels = key.split('/')
    const path = [this.rootOf(key)]
    for (let i = 0; i < levels.length - 1; i++) {
      const next = path[i]!.child(levels[i]!)
      if (!(next instanceof LevelNode)) return undefined
      path.push(next)
    }
    const level = levels.at(-1)!
    const parent = path.at(-1)!
    const child = parent.child(level)
    const previous = ownValue(child)
    if (previous === undefined) return undefined
    this.#size--
    if (child instanceof LevelNode) child.value = undefined
    else parent.deleteChild(level)
    prune(path, levels)
    return previous
  }

  /**
   * The root for a topic or a filter. Those that begin with `$` have a separate root, so that filters that begin with a
   * wildcard do not match them [MQTT-4.7.2-1].
   */
  protected rootOf(key: string): LevelNode<V> {
    return isSystemTopic(key) ? this.#systemRoot : this.#root
  }
}

/** Returns the node of a level. An entry that was only a value becomes a node with that value. */
function nodeOrNew<V extends NonNullable<unknown>>(parent: LevelNode<V>, level: string): LevelNode<V> {
  const child = parent.child(level)
  if (child instanceof LevelNode) return child
  const node = new LevelNode<V>()
  node.value = child
  parent.setChild(level, node)
  return node
}

function setValue<V extends NonNullable<unknown>>(parent: LevelNode<V>, level: string, value: V): V | undefined {
  const child = parent.child(level)
  const previous = ownValue(child)
  if (child instanceof LevelNode) child.value = value
  else parent.setChild(level, value)
  return previous
}

/** Removes empty nodes. A node that has only a value left is replaced by that value. */
function prune<V extends NonNullable<unknown>>(path: readonly LevelNode<V>[], levels: readonly string[]): void {
  for (let i = path.length - 1; i > 0; i--) {
    const node = path[i]!
    if (node.hasChildren) return
    const parent = path[i - 1]!
    if (node.value !== undefined) parent.setChild(levels[i - 1]!, node.value)
    else parent.deleteChild(levels[i - 1]!)
  }
}
