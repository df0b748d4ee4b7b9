/**
 * What ends the command: SIGINT and SIGTERM. Owns the handlers, which are there from the start: the first process of a
 * container ignores signals that it does not handle. Must not know what has to be stopped.
 */
import type { Logger } from '../../../types/logger.js'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

export class Signals {
  readonly #logger: Logger
  #stop: (() => Promise<void>) | undefined

  constructor(logger: Logger) {
    this.#logger = logger
    process.on('SIGINT', this.#received)
    process.on('SIGTERM', this.#received)
  }

  /** Stops in good order at the first signal. Before this call, and at a second signal, the process ends at once. */
  stopWith(stop: () => Promise<void>): void {
    this.#stop = stop
  }

  readonly #received = (signal: keyof typeof EXIT_CODES): void => {
    const stop = this.#stop
    if (stop === undefined) process.exit(EXIT_CODES[signal])
    this.#stop = undefined
    this.#logger.info({}, `${signal}: stopping`)
    stop().catch(err => {
      this.#logger.error({ err }, 'while stopping')
      process.exit(1)
    })
  }
}
