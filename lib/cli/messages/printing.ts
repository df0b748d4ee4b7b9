/**
 * Messages of a connection on the standard output, until enough were printed. Goes on with another connection where one
 * is lost. Owns the count; opens and ends no connection.
 */
import type { MqttConnection, ReceivedMessage } from '../../client/index.js'
import { type FormatOptions, formatMessage } from './message-format.js'

export interface PrintingOptions extends FormatOptions {
  /** How many are printed at most; undefined: no limit. */
  most: number | undefined
  retained: 'with' | 'without' | 'only'
}

export class Printing {
  readonly #options: PrintingOptions
  #printed = 0
  /** No more is printed: enough were, or nobody wants more. */
  isOver = false

  constructor(options: PrintingOptions) {
    this.#options = options
  }

  /** Whether it waits for a certain number of messages. */
  get isCounting(): boolean {
    return this.#options.most !== undefined
  }

  /** Resolves when it is over, or when the connection is. A message is acknowledged when it is printed. */
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
