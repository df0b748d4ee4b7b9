/**
 * The signals of the command: SIGINT and SIGTERM end it, SIGHUP makes it read its files again. Owns the handlers, which
 * exist from the start: without them, SIGHUP would end a starting broker, and the first process of a container would
 * ignore signals. Must not know what is stopped or read.
 */
import type { EventEmitter } from 'node:events'
import { isatty } from 'node:tty'
import type { Logger } from '../../../types/logger.js'

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The source of the signals. */
export interface SignalSource {
  /** Emits the signals. */
  process: EventEmitter
  /** Whether the command runs in a terminal. */
  hasTerminal(): boolean
}

const STDIN = 0

const SYSTEM: SignalSource = { process, hasTerminal: () => isatty(STDIN) }

export class Signals {
  readonly #logger: Logger
  readonly #source: SignalSource
  readonly #hadTerminal: boolean
  #stop: (() => Promise<void>) | undefined
  #reload: (() => void) | undefined
  /** Whether SIGHUP arrived before anything could be reloaded. */
  #isReloadDue = false

  constructor(logger: Logger, source = SYSTEM) {
    this.#logger = logger
    this.#source = source
    this.#hadTerminal = source.hasTerminal()
    source.process.on('SIGINT', this.#endRequested)
    source.process.on('SIGTERM', this.#endRequested)
    source.process.on('SIGHUP', this.#hungUp)
  }

  /**
   * From now on, the first signal stops the command in order. Before this call, and at a second signal, the process
   * ends at once.
   */
  stopWith(stop: () => Promise<void>): void {
    this.#stop = stop
  }

  /**
   * Calls the function at each SIGHUP, and now if there was one before, because the files may have been read before
   * that.
   */
  reloadWith(reload: () => void): void {
    this.#reload = reload
    if (this.#isReloadDue) this.#readAgain()
  }

  /** The system also sends SIGHUP when a terminal is closed; the command then ends, like other commands. */
  readonly #hungUp = (): void => {
    if (this.#hadTerminal && !this.#source.hasTerminal()) this.#terminalClosed()
    else if (this.#reload === undefined) this.#isReloadDue = true
    else this.#readAgain()
  }

  #terminalClosed(): void {
    const { process } = this.#source
    // Node.js resets the terminal at the end, and aborts if it no longer exists
    process.once('exit', () => {
      process.off('SIGHUP', this.#hungUp)
      globalThis.process.kill(globalThis.process.pid, 'SIGHUP')
    })
    this.#endRequested('SIGHUP')
  }

  #readAgain(): void {
    this.#logger.info({}, 'SIGHUP: reading files again')
    this.#reload?.()
  }

  readonly #endRequested = (signal: keyof typeof EXIT_CODES): void => {
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
