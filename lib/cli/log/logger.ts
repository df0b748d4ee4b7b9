/**
 * One line per event on the standard error stream, for people at a terminal and for a service manager's journal.
 * Knows levels and lines; what happened is its caller's.
 */

/** From the quietest to the most talkative. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

export class Logger {
  readonly #loudest: number

  constructor(level: LogLevel) {
    this.#loudest = LOG_LEVELS.indexOf(level)
  }

  /** Whether lines of a level are written. */
  writes(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) <= this.#loudest
  }

  log(level: LogLevel, text: string): void {
    if (!this.writes(level)) return
    process.stderr.write(`${new Date().toISOString()} ${level.padEnd(5)} ${text}\n`)
  }
}

/** Text that a client chose, made safe for a terminal: quoted, and without control characters. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escapeCharacter)
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
