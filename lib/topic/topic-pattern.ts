/**
 * Topics with named levels: `sensors/:room/temperature` as a filter, to parse topic names and to build them, with the
 * names of the levels in its type. Works on strings; must not know a broker.
 */
import { AnaxError } from '../errors.js'
import { filterMatches, isTopicFilter, parseShare } from './topic.js'

type ParamOf<Level extends string> = Level extends `:${infer Name}` | `*${infer Name}` ? Name : never

type ParamsIn<Pattern extends string> = Pattern extends `${infer Level}/${infer Rest}`
  ? ParamOf<Level> | ParamsIn<Rest>
  : ParamOf<Pattern>

/** The named levels of a topic name: an object with a string for each. */
export type TopicParams<Pattern extends string> = string extends Pattern
  ? Record<string, string>
  : { [Name in ParamsIn<Pattern>]: string }

/** The values for a topic name: a string or a number for each named level. */
export type TopicNameParams<Pattern extends string> = { [Name in keyof TopicParams<Pattern>]: string | number }

/** The parameters of {@link TopicPattern.name}: none if no level has a name. */
export type NameArguments<Pattern extends string> = [keyof TopicParams<Pattern>] extends [never]
  ? [params?: TopicNameParams<Pattern>]
  : [params: TopicNameParams<Pattern>]

const NAME = /^[A-Za-z_]\w*$/

/** A topic with named levels, created by {@link topic}. */
export class TopicPattern<Pattern extends string = string> {
  /** The pattern as it was passed to {@link topic}. */
  readonly pattern: Pattern
  /** The topic filter: `+` for a named level, `#` for a rest. */
  readonly filter: string
  readonly #levels: readonly string[]

  /** Use {@link topic}. */
  constructor(pattern: Pattern) {
    this.pattern = pattern
    this.#levels = levelsOf(pattern)
    this.filter = this.#levels.map(filterLevel).join('/')
    if (!isTopicFilter(this.filter)) throw unusable(pattern, 'the filter would not be valid')
  }

  /** Parses a topic name into its named levels; undefined if it does not match. A rest may be empty. */
  match(name: string): TopicParams<Pattern> | undefined {
    if (!filterMatches(this.filter, name)) return undefined
    const levels = name.split('/')
    const params: Record<string, string> = {}
    for (const [index, level] of this.#levels.entries()) {
      if (level.startsWith(':')) params[level.slice(1)] = levels[index] ?? ''
      if (level.startsWith('*')) params[level.slice(1)] = levels.slice(index).join('/')
    }
    return params as TopicParams<Pattern>
  }

  /**
   * Builds a topic name.
   * @throws AnaxError ANAX_ERR_ARGUMENT if a level is missing, is empty, or contains `/`, `+`, `#` or U+0000
   */
  name(...[params = {} as TopicNameParams<Pattern>]: NameArguments<Pattern>): string {
    const values: Record<string, string | number | undefined> = params
    return this.#levels.map(level => (isNamed(level) ? this.#value(level, values[level.slice(1)]) : level)).join('/')
  }

  /**
   * The filter of a shared subscription.
   * @throws AnaxError ANAX_ERR_ARGUMENT if the group's name is not valid
   */
  shared(group: string): string {
    const filter = `$share/${group}/${this.filter}`
    if (parseShare(filter)?.group !== group) throw unusable(this.pattern, `'${group}' is no name of a group`)
    return filter
  }

  /** Returns the filter, so that a pattern can be used where a string is expected. */
  toString(): string {
    return this.filter
  }

  #value(level: string, value: string | number | undefined): string {
    const text = value === undefined ? '' : String(value)
    const forbidden = level.startsWith('*') ? /[+#\0]/ : /[+#\0/]/
    if (text === '' || forbidden.test(text)) {
      throw unusable(this.pattern, `${level.slice(1)} has to be a level of a topic name, got '${text}'`)
    }
    return text
  }
}

/**
 * Creates a topic with named levels. `:name` stands for one level, `*name` at the end for all remaining levels.
 * @throws AnaxError ANAX_ERR_ARGUMENT if the pattern is not valid
 */
export function topic<const Pattern extends string>(pattern: Pattern): TopicPattern<Pattern> {
  return new TopicPattern(pattern)
}

function levelsOf(pattern: string): string[] {
  if (typeof pattern !== 'string' || pattern === '')
    throw unusable(String(pattern), 'a topic has at least one character')
  if (/[+#\0]/.test(pattern)) throw unusable(pattern, 'wildcards have names here: :name for +, *name for #')
  const levels = pattern.split('/')
  const names = levels.filter(isNamed).map(level => level.slice(1))
  const bad = names.find(name => !NAME.test(name))
  if (bad !== undefined) throw unusable(pattern, `'${bad}' is no name: letters, digits and _`)
  if (new Set(names).size < names.length) throw unusable(pattern, 'a name is there twice')
  if (levels.slice(0, -1).some(level => level.startsWith('*'))) throw unusable(pattern, '*name is for the end')
  return levels
}

function isNamed(level: string): boolean {
  return level.startsWith(':') || level.startsWith('*')
}

function filterLevel(level: string): string {
  if (level.startsWith(':')) return '+'
  return level.startsWith('*') ? '#' : level
}

function unusable(pattern: string, reason: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail: `topic '${pattern}': ${reason}` })
}
