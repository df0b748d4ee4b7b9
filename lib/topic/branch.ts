/**
 * The children of a node in a tree of topic levels: none, one kept in place, or a Map of many.
 * Most nodes have one child, and a Map for one would cost more than all the rest of the node.
 * Treats level names as plain text: `__proto__` is a level like any other.
 */

/** The children of a node, by level. */
export class Branch<C extends NonNullable<unknown>> {
  /** The level of the only child; undefined if there is none, or more than one. */
  #level: string | undefined
  #child: C | Map<string, C> | undefined

  get hasChildren(): boolean {
    return this.#child !== undefined
  }

  /** The child with the given level. */
  child(level: string): C | undefined {
    if (this.#level !== undefined) return this.#level === level ? (this.#child as C) : undefined
    return (this.#child as Map<string, C> | undefined)?.get(level)
  }

  /** Adds a child, or replaces the one with that level. */
  setChild(level: string, child: C): void {
    if (this.#level === level || this.#child === undefined) {
      this.#level = level
      this.#child = child
    } else if (this.#level === undefined) {
      ;(this.#child as Map<string, C>).set(level, child)
    } else {
      this.#child = new Map([[this.#level, this.#child as C]]).set(level, child)
      this.#level = undefined
    }
  }

  /** Removes the child with that level, if there is one. */
  deleteChild(level: string): void {
    if (this.#level !== undefined) {
      if (this.#level !== level) return
      this.#level = undefined
      this.#child = undefined
      return
    }
    const children = this.#child as Map<string, C> | undefined
    if (children?.delete(level) && children.size === 0) this.#child = undefined
  }

  /** Iterates over the children. They may change during iteration: a removed child is skipped. */
  children(): Iterator<C> {
    if (this.#level !== undefined) return this.#onlyChild(this.#level)
    return (this.#child as Map<string, C> | undefined)?.values() ?? [].values()
  }

  *#onlyChild(level: string): Generator<C, void, undefined> {
    // Looked up lazily: it may have been removed by then, or have siblings.
    const child = this.child(level)
    if (child !== undefined) yield child
  }

  /** The number of children. */
  get childCount(): number {
    if (this.#level !== undefined) return 1
    return (this.#child as Map<string, C> | undefined)?.size ?? 0
  }
}
