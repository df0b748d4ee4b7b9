/**
 * Prints messages of a connection to the standard output, until enough are printed. Continues with another connection
 * if one is lost. Owns the count; opens and ends no connection.
 */
import type { MqttConnection, ReceivedMessage } from '../../client/index.js'
import { type FormatOptions, formatMessage } from './message-format.js'

export interface PrintingOptions extends FormatOptions {
  /** Maximum number of messages; undefined for no limit. */
  most: number | undefined
  retained: 'with' | 'without' | 'only'
}

export class Printing {
  readonly #options: PrintingOptions
  #printed = 0
  /** Whether no more are printed: enough were, or the output is closed. */
  isOver = false

  constructor(options: PrintingOptions) {
    this.#options = options
  }

  /** Whether it waits for a given number of messages. */
  get isCounting(): boolean {
    return this.#options.most !== undefined
  }

  /**
   * Prints messages, and acknowledges each one after printing it. Resolves when enough are printed, or the connection
   * has ended.
   */
  async print(connection: MqttConnection): Promise<void> {
    for await (const message of connection) {
      if (this.isOver) return
      this.#print(message)
      message.ack()
      if (this.isOver) return
    }
  }

  #print(message: ReceivedMessage): void {
    const { most, retained } = this.#options
    if (retained !== 'with' && message.retain !== (retained === 'only')) return
    process.stdout.write(formatMessage(message, this.#options, Date.now()))
    if (++this.#printed === most) this.isOver = true
  }
}
