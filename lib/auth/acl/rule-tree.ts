/**
 * A tree of rules by the levels of their filters, so that a topic is compared only with rules that may match it. Owns
 * the tree; must not know the content of a rule.
 */
import type { Subject } from '../identity.js'
import { matches } from '../util/topics.js'
import { fill, type Template, templateOf } from './templates.js'

interface Node<Rule> {
  literal: Map<string, Node<Rule>> | undefined
  /** Levels with placeholders, which are filled in when a topic is looked up. */
  templates: Map<string, { template: Template; node: Node<Rule> }> | undefined
  plus: Node<Rule> | undefined
  /** Rules whose filter ends here. */
  here: Rule[] | undefined
  /** Rules whose filter continues with `#`. */
  below: Rule[] | undefined
}

interface Listed<Rule> {
  template: Template
  rule: Rule
}

export class RuleTree<Rule> {
  readonly #places: 'none' | 'mosquitto' | 'typed'
  readonly #root: Node<Rule> = emptyNode()
  /** The rules with placeholders, for clients whose names have several levels. */
  readonly #withPlaces: Listed<Rule>[] = []
  #size = 0

  /** @param places the kind of placeholders in filters */
  constructor(places: 'none' | 'mosquitto' | 'typed' = 'none') {
    this.#places = places
  }

  get size(): number {
    return this.#size
  }

  add(filter: string, rule: Rule): void {
    this.#size++
    const template = this.#templateOf(filter)
    if (template !== undefined) this.#withPlaces.push({ template, rule })
    let node = this.#root
    const levels = filter.split('/')
    for (const level of levels) {
      if (level === '#') {
        node.below ??= []
        node.below.push(rule)
        return
      }
      node = this.#child(node, level)
    }
    node.here ??= []
    node.here.push(rule)
  }

  /** Calls back with every rule whose filter matches the topic. */
  match(topic: string, subject: Subject, found: (rule: Rule) => void): void {
    if (this.#size === 0) return
    if (this.#withPlaces.length === 0 || isOneLevel(subject)) {
      this.#walk(this.#root, topic.split('/'), 0, subject, found)
      return
    }
    // a name with a slash fills more than one level: such clients are rare, and their rules are checked one by one
    this.#walk(this.#root, topic.split('/'), 0, NOBODY, found)
    for (const { template, rule } of this.#withPlaces) {
      const filter = fill(template, subject)
      if (filter !== undefined && matches(filter, topic)) found(rule)
    }
  }

  #child(node: Node<Rule>, level: string): Node<Rule> {
    if (level === '+') {
      node.plus ??= emptyNode()
      return node.plus
    }
    const template = this.#templateOf(level)
    if (template !== undefined) {
      node.templates ??= new Map()
      const known = node.templates.get(level)
      if (known !== undefined) return known.node
      const child = { template, node: emptyNode<Rule>() }
      node.templates.set(level, child)
      return child.node
    }
    node.literal ??= new Map()
    let child = node.literal.get(level)
    if (child === undefined) {
      child = emptyNode()
      node.literal.set(level, child)
    }
    return child
  }

  #walk(
    node: Node<Rule>,
    levels: readonly string[],
    index: number,
    subject: Subject | typeof NOBODY,
    found: (rule: Rule) => void,
  ): void {
    const level = levels[index]
    // `#` and `+` at the beginning do not match topics that begin with `$`
    const isHidden = index === 0 && level!.startsWith('$')
    if (node.below !== undefined && !isHidden) for (const rule of node.below) found(rule)
    if (level === undefined) {
      if (node.here !== undefined) for (const rule of node.here) found(rule)
      return
    }
    const literal = node.literal?.get(level)
    if (literal !== undefined) this.#walk(literal, levels, index + 1, subject, found)
    if (node.plus !== undefined && !isHidden) this.#walk(node.plus, levels, index + 1, subject, found)
    if (node.templates === undefined || subject === NOBODY) return
    for (const { template, node: child } of node.templates.values()) {
      if (fill(template, subject as Subject) === level) this.#walk(child, levels, index + 1, subject, found)
    }
  }

  #templateOf(filter: string): Template | undefined {
    return this.#places === 'none' ? undefined : templateOf(filter, this.#places)
  }
}

/** Stands for a subject without values for placeholders. */
const NOBODY = Symbol('nobody')

function isOneLevel({ clientId, identity: { username, attributes } }: Subject): boolean {
  if (clientId.includes('/') || username?.includes('/')) return false
  return attributes === undefined || !Object.values(attributes).some(value => `${value}`.includes('/'))
}

function emptyNode<Rule>(): Node<Rule> {
  return { literal: undefined, templates: undefined, plus: undefined, here: undefined, below: undefined }
}
