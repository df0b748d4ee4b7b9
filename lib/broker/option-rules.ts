/**
 * The kinds of values that options have, and the check that refuses others with a message that says what was expected.
 * Must not know the options.
 */
import { AnaxError, type ErrorCode } from '../errors.js'
import { hintFor } from './option-hints.js'

type Check = (value: unknown) => boolean

/** What values an option may have. */
export interface Rule {
  expected: string
  holds: Check
  /** The members of an object; each is optional. */
  members?: Readonly<Record<string, Rule>>
}

/** The longest delay that Node's timers support. */
export const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

const isInteger: Check = value => Number.isInteger(value)

export function whole(from: number, to: number): Rule {
  return {
    expected: `a whole number from ${from} to ${to}`,
    holds: value => isInteger(value) && (value as number) >= from && (value as number) <= to,
  }
}

/** An integer limit that may also be Infinity. */
export function bound(from: number): Rule {
  return {
    expected: `a whole number from ${from}, or Infinity`,
    holds: value => value === Number.POSITIVE_INFINITY || (isInteger(value) && (value as number) >= from),
  }
}

export function oneOf(...values: unknown[]): Rule {
  return { expected: values.map(value => JSON.stringify(value)).join(' or '), holds: value => values.includes(value) }
}

export function methods(...names: string[]): Rule {
  return {
    expected: `an object with ${names.join(', ')}`,
    holds: value => names.every(name => typeof (value as Record<string, unknown> | null)?.[name] === 'function'),
  }
}

export function group(members: Readonly<Record<string, Rule>>): Rule {
  return {
    expected: `an object with ${Object.keys(members).join(', ')}`,
    holds: value => typeof value === 'object' && value !== null,
    members,
  }
}

export const flag = oneOf(true, false)

/**
 * Checks that there is a rule for each option, and that its value holds.
 * @param path prefix of the names in messages, such as `rates.`
 * @throws AnaxError with this code
 */
export function checkOptions(options: object, rules: Readonly<Record<string, Rule>>, code: ErrorCode, path = ''): void {
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue
    const name = path + key
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined
    if (rule === undefined) {
      throw new AnaxError(code, { detail: `there is no option '${name}'${hintFor(key, Object.keys(rules))}` })
    }
    if (!rule.holds(value)) {
      throw new AnaxError(code, { detail: `${name} has to be ${rule.expected}, got ${described(value)}` })
    }
    if (rule.members !== undefined) checkOptions(value as object, rule.members, code, `${name}.`)
  }
}

/** A value as messages show it. */
export function described(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  if (typeof value === 'function') return 'a function'
  if (value instanceof Promise) return 'a promise, which has to be awaited first'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}
