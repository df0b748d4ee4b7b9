/**
 * The children of a node in a tree of topic levels: none, one kept in place, or a Map of many.
 * Most nodes have one child, and a Map for one would cost more than all the rest of the node.
 * Knows level names only as text, whatever they are: `__proto__` is a level like any other.
 */

/** A node's children by level. */
export class Branch<C extends NonNullable<unknown>> {
  /** The level of the only child; undefined where there is none, or where there are many. */
  #level: string | undefined
  #child: C | Map<string, C> | undefined

  get hasChildren(): boolean {
    return this.#child !== undefined
  }

  /** The child of that level. */
  child(level: string): C | undefined {
    if (this.#level !== undefined) return this.#level === level ? (this.#child as C) : undefined
    return (this.#child as Map<string, C> | undefined)?.get(level)
  }

  /** Adds a child, or replaces the one of that level in its place. */
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

  /** Removes the child of that level, if there is one. */
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

  /** Goes through the children; they may be changed meanwhile: one removed is not seen any more. */
  children(): Iterator<C> {
    if (this.#level !== undefined) return this.#onlyChild(this.#level)
    return (this.#child as Map<string, C> | undefined)?.values() ?? [].values()
  }

  *#onlyChild(level: string): Generator<C, void, undefined> {
    // Looked up when its turn comes: it may be gone by then, or one of many.
    const child = this.child(level)
    if (child !== undefined) yield child
  }

  /** How many children there are. */
  get childCount(): number {
    if (this.#level !== undefined) return 1
    return (this.#child as Map<string, C> | undefined)?.size ?? 0
  }
}
