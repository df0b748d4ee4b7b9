/**
 * The mqemitter of a broker without a bus of the host. Owns the shortcut that makes it fast for its single listener;
 * must not know who listens.
 */
import mqemitter from 'mqemitter'
import type { Bus, BusListener, BusMessage } from '../../../types/bus.js'
import { setImmediate } from '../../util/scheduling/set-immediate.js'

/** The class that the package exports as a function. */
const MqEmitter = mqemitter as unknown as new (options: { concurrency: number }) => Bus & { closed: boolean }

const EVERYTHING = '#'
const nothing = () => {}

/**
 * An mqemitter that passes each message directly to its listener while that is the only one and listens to everything.
 * Matching the topic and collecting the answers of listeners would be 10 to 25 % of the cost of a QoS 0 message.
 */
export class LocalEmitter extends MqEmitter {
  readonly #isUnlimited: boolean
  #isFirst = true
  /** The listener of everything, while there is no other. */
  #only: BusListener | undefined

  /** @param concurrency the option of mqemitter; 0 for no limit. With a limit, mqemitter has to count: no shortcut */
  constructor(concurrency: number) {
    super({ concurrency })
    this.#isUnlimited = concurrency === 0
  }

  override on(topic: string, listener: BusListener, done?: () => void): unknown {
    this.#only = this.#isFirst && this.#isUnlimited && topic === EVERYTHING ? listener : undefined
    this.#isFirst = false
    return super.on(topic, listener, done)
  }

  override removeListener(topic: string, listener: BusListener, done?: () => void): unknown {
    this.#only = undefined
    return super.removeListener(topic, listener, done)
  }

  override emit(message: BusMessage, done?: (error?: Error | null) => void): unknown {
    if (this.#only === undefined || this.closed) return super.emit(message, done)
    this.#only(message, done ?? nothing)
    return this
  }

  /** As in mqemitter, which uses the global setImmediate: a test runner may have replaced it. */
  override close(done: () => void = nothing): unknown {
    this.closed = true
    setImmediate(done)
    return this
  }
}
