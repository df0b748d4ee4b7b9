/**
 * The options that all modules share, and their checks.
 * Owns the sentences about wrong ones; must not know what the options lead to.
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
   * Gets a line about denials: the first of a kind at once, then how many more there were in five seconds. @default
   * none
   */
  log?: (line: string) => void
  /**
   * A will whose topic its client may not publish to: refuses CONNECT with 0x87, or waits until the will is due and
   * then drops it. @default 'drop'
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

/** Errors of options, and of files that options name. */
export function optionError(detail: string, cause?: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', { detail, ...(cause !== undefined && { cause }) })
}

/** Takes the options of an `Auth` out of those of a module. */
export function authOptions(options: AuthOptions): AuthOptions {
  return Object.fromEntries(OPTIONS.flatMap(name => (options[name] === undefined ? [] : [[name, options[name]]])))
}

/** The clock of the options. */
export function clockOf({ clock = SYSTEM_CLOCK }: AuthOptions): Clock {
  return clock
}

/** @throws AnaxError ANAX_ERR_OPTION */
export function checkOptions({ dryRun, log, deniedWill }: AuthOptions): void {
  if (dryRun !== undefined && dryRun !== 'authorization' && dryRun !== 'everything') {
    throw optionError("dryRun is 'authorization' or 'everything'")
  }
  if (deniedWill !== undefined && deniedWill !== 'drop' && deniedWill !== 'refuse') {
    throw optionError("deniedWill is 'drop' or 'refuse'")
  }
  if (log !== undefined && typeof log !== 'function') throw optionError('log is a function')
}
