/** The logger of a host: pino has this interface, and so does Fastify's `app.log`. A contract only. */

/** From the fewest lines to the most. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Writes one line for each call. Texts are constant; variable parts are in the fields. */
export interface Logger {
  /** A part of the broker or its host failed: a hook, the store, the bus. */
  error(fields: object, message: string): void
  /** A client did something wrong, was refused, or lost a message. */
  warn(fields: object, message: string): void
  /** A client connected or disconnected. */
  info(fields: object, message: string): void
  /** A message or a subscription. */
  debug(fields: object, message: string): void
  /**
   * A logger whose lines all have these fields. Called once for each client, with `clientId` and `address`, and by a
   * node of a cluster when it is created, with its `brokerId`.
   */
  child(bindings: { clientId?: string; address?: string; brokerId?: string }): Logger
  /**
   * Whether lines of a level are written. Called when the broker is created. If absent, all levels except `debug` are.
   */
  isLevelEnabled?(level: LogLevel): boolean
}
