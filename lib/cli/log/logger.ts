/**
 * Writes one line per event to the standard error stream, as text for people or as JSON for log collectors. Knows
 * levels and lines; must not know the events.
 */
import type { Logger, LogLevel } from '../../../types/logger.js'
import { LineWriter } from './line-writer.js'

/** From the fewest lines to the most. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const satisfies LogLevel[]

export const LOG_FORMATS = ['text', 'json'] as const

export type LogFormat = (typeof LOG_FORMATS)[number]

export interface LineLoggerOptions {
  level: LogLevel
  format: LogFormat
}

export class LineLogger implements Logger {
  readonly #options: LineLoggerOptions
  readonly #writer: LineWriter
  readonly #bindings: object

  constructor(options: LineLoggerOptions, writer = new LineWriter(), bindings: object = {}) {
    this.#options = options
    this.#writer = writer
    this.#bindings = bindings
  }

  error(fields: object, message: string): void {
    this.#log('error', fields, message)
  }

  warn(fields: object, message: string): void {
    this.#log('warn', fields, message)
  }

  info(fields: object, message: string): void {
    this.#log('info', fields, message)
  }

  debug(fields: object, message: string): void {
    this.#log('debug', fields, message)
  }

  child(bindings: object): LineLogger {
    return new LineLogger(this.#options, this.#writer, { ...this.#bindings, ...bindings })
  }

  isLevelEnabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(this.#options.level)
  }

  #log(level: LogLevel, fields: object, message: string): void {
    if (!this.isLevelEnabled(level)) return
    const time = new Date().toISOString()
    const line =
      this.#options.format === 'json'
        ? quote({ time, level, msg: message, ...this.#bindings, ...fields })
        : `${time} ${level.padEnd(5)} ${message}${textOf({ ...this.#bindings, ...fields })}`
    this.#writer.add(line)
    // an error may be the last line before the process ends
    if (level === 'error' || level === 'warn') this.#writer.flush()
  }
}

/** Text that is one word without quotes. */
const WORD = /^[\w.:+-]+$/

/** ` name=value` for each field, except undefined ones. */
function textOf(fields: object): string {
  let text = ''
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) text += ` ${name}=${wordOf(name, value)}`
  }
  return text
}

function wordOf(name: string, value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`
  const shown = shorter(name, value instanceof Error ? value.message : value)
  return typeof shown === 'string' && WORD.test(shown) ? shown : quote(shown)
}

/** Control characters, characters that change the direction of text, and characters without width. */
const INVISIBLE = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g

/** JSON, made safe for a terminal: clients choose their names, so invisible characters are escaped. */
function quote(value: unknown): string {
  return JSON.stringify(value, (name, each) => shorter(name, plainError(each))).replaceAll(
    INVISIBLE,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The fields of an error in a line; JSON would write an empty object. */
function plainError(value: unknown): unknown {
  if (!(value instanceof Error)) return value
  const { name, message, stack, cause } = value
  return { type: name, message, stack, ...(cause !== undefined && { cause }) }
}

/** Maximum length of a value, because names chosen by clients may be as long as a packet. */
const MAX_LENGTH = 256

function shorter(name: string, value: unknown): unknown {
  const isLong = typeof value === 'string' && value.length > MAX_LENGTH && name !== 'stack'
  return isLong ? `${value.slice(0, MAX_LENGTH)}…` : value
}
