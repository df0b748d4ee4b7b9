/**
 * The options that all modules share, and their checks. Owns the error messages for invalid ones; must not know the
 * effect of the options.
 */
import type { Clock } from '../../types/clock.js'
import { AnaxError } from '../index.js'

/** Options common to all modules. */
export interface AuthOptions {
  /**
   * Reports denials but allows the request, to try rules out: `authorization` for publishing and subscribing only,
   * `everything` for connections as well. @default denials are enforced
   */
  dryRun?: 'authorization' | 'everything'
  /**
   * Receives lines about denials: the first of each kind immediately, then the number of repeats in five seconds.
   * @default none
   */
  log?: (line: string) => void
  /**
   * What happens with a will that its client may not publish: CONNECT is refused with 0x87, or the will is dropped when
   * it is due. @default 'drop'
   */
  deniedWill?: 'drop' | 'refuse'
  /** The source of time. @default the system clock */
  clock?: Clock
}

const SYSTEM_CLOCK: Clock = {
  now: Date.now,
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: timer => clearTimeout(timer as NodeJS.Timeout),
}

const OPTIONS = ['dryRun', 'log', 'deniedWill', 'clock'] as const

/** The error for an invalid option, or for an invalid file that an option names. */
export function optionError(detail: string, cause?: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', { detail, ...(cause !== undefined && { cause }) })
}

/**
 * Checks an option with two possible values; undefined leaves it out.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function checkChoice(name: string, value: unknown, [one, other]: readonly [string, string]): void {
  if (value !== undefined && value !== one && value !== other) throw optionError(`${name} is '${one}' or '${other}'`)
}

/** Extracts the options of an `Auth` from those of a module. */
export function authOptions(options: AuthOptions): AuthOptions {
  return Object.fromEntries(OPTIONS.flatMap(name => (options[name] === undefined ? [] : [[name, options[name]]])))
}

/** The clock of the options. */
export function clockOf({ clock = SYSTEM_CLOCK }: AuthOptions): Clock {
  return clock
}

/** @throws AnaxError ANAX_ERR_OPTION */
export function checkOptions({ dryRun, log, deniedWill }: AuthOptions): void {
  checkChoice('dryRun', dryRun, ['authorization', 'everything'])
  checkChoice('deniedWill', deniedWill, ['drop', 'refuse'])
  if (log !== undefined && typeof log !== 'function') throw optionError('log is a function')
}
