/** The logger that a host gives: pino has this shape, and with it Fastify's `app.log`. A contract only. */

/** From the quietest to the most talkative. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Writes one line for each call. Texts are constant; what differs from line to line is in the fields. */
export interface Logger {
  /** Something of the broker or its host does not work: a hook, the store, the bus. */
  error(fields: object, message: string): void
  /** A client did something wrong, was refused, or lost a message. */
  warn(fields: object, message: string): void
  /** Clients come and go. */
  info(fields: object, message: string): void
  /** Each message and subscription. */
  debug(fields: object, message: string): void
  /** A logger whose lines all have these fields. Called once for each client: `clientId`, `address`. */
  child(bindings: { clientId?: string; address?: string }): Logger
  /** Whether lines of a level are written. Asked when the broker is created. Absent: all but `debug` are. */
  isLevelEnabled?(level: LogLevel): boolean
}
