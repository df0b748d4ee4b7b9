/**
 * The last lines of a log, for the dashboard: a logger that remembers lines and passes them on to another logger. Owns
 * the number of remembered lines; must not know the events.
 */
import type { Logger, LogLevel } from '../../types/logger.js'

/** A line of the log. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  at: number
  level: LogLevel
  message: string
  /** The values of this line; errors as their messages. */
  fields: Readonly<Record<string, unknown>>
}

const MOST_LINES = 500

/** A line in the form in which it was written. Most lines are never read, so they are formatted on demand. */
interface WrittenLine extends Pick<LogLine, 'at' | 'level' | 'message'> {
  bindings: object
  fields: object
}

/** Writes lines with the same fields. */
class TailLogger implements Logger {
  readonly #next: Logger | undefined
  readonly #add: (line: WrittenLine) => void
  readonly #bindings: object

  constructor(next: Logger | undefined, add: (line: WrittenLine) => void, bindings: object) {
    this.#next = next
    this.#add = add
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

  child(bindings: Parameters<Logger['child']>[0]): Logger {
    return new TailLogger(this.#next?.child(bindings), this.#add, { ...this.#bindings, ...bindings })
  }

  /** The levels of the next logger; without one, all but `debug`. */
  isLevelEnabled(level: LogLevel): boolean {
    return this.#next?.isLevelEnabled?.(level) ?? level !== 'debug'
  }

  #log(level: LogLevel, fields: object, message: string): void {
    this.#next?.[level](fields, message)
    this.#add({ at: Date.now(), level, message, bindings: this.#bindings, fields })
  }
}

/** For the option `logger` of a broker and the option `log` of its administration. */
export class LogTail extends TailLogger {
  readonly #lines: WrittenLine[]
  readonly #listeners: Set<(line: LogLine) => void>

  /** @param next also gets every line, for example pino. @default none */
  constructor(next?: Logger) {
    const lines: WrittenLine[] = []
    const listeners = new Set<(line: LogLine) => void>()
    const add = (line: WrittenLine) => {
      lines.push(line)
      if (lines.length > MOST_LINES) lines.shift()
      for (const listener of listeners) listener(readable(line))
    }
    super(next, add, {})
    this.#lines = lines
    this.#listeners = listeners
  }

  /** The last 500 lines, oldest first. */
  get lines(): readonly LogLine[] {
    return this.#lines.map(readable)
  }

  /** Calls a function with each new line. @returns a function that stops this */
  watch(listener: (line: LogLine) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

function readable({ at, level, message, bindings, fields }: WrittenLine): LogLine {
  const all = Object.entries({ ...bindings, ...fields }).filter(([, value]) => value !== undefined)
  const plain = all.map(([name, value]) => [name, value instanceof Error ? value.message : value])
  return { at, level, message, fields: Object.fromEntries(plain) }
}
