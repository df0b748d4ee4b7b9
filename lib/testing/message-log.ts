/**
 * All messages that a broker published in a test, and waiting for one. Owns the record; knows no broker.
 */
import { AnaxError, filterMatches, type Message, type PublishProperties, type QoS } from '../index.js'

const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

/** A message as it was published. */
export class RecordedMessage {
  /** Where it was published. */
  readonly topic: string
  /** Its content. */
  readonly payload: Buffer
  /** With which quality of service it was published. */
  readonly qos: QoS
  /** Whether it became the retained message of its topic. */
  readonly retain: boolean
  /** The publisher; undefined for the application's own messages. */
  readonly clientId: string | undefined
  /** MQTT 5.0 properties. */
  readonly properties: PublishProperties | undefined

  constructor({ topic, payload, qos, retain, clientId, properties }: Message) {
    this.topic = topic
    this.payload = Buffer.from(payload)
    this.qos = qos
    this.retain = retain
    this.clientId = clientId
    this.properties = properties
  }

  /** The payload as UTF-8. */
  get text(): string {
    return this.payload.toString()
  }

  /** The payload, parsed as JSON. Throws what `JSON.parse` throws. */
  json<T = unknown>(): T {
    return JSON.parse(this.text) as T
  }

  /** The messages for a snapshot, as plain JSON. */
  toJSON(): { topic: string; text: string; qos: QoS; retain: boolean; clientId?: string } {
    const { topic, text, qos, retain, clientId } = this
    return { topic, text, qos, retain, ...(clientId !== undefined && { clientId }) }
  }
}

/** How long a message is waited for. */
export interface WaitOptions {
  /** Milliseconds of the system's clock, whatever clock the broker has. @default 2000 */
  timeoutMs?: number
}

/** The messages that were published, oldest first. An array, so that whatever reads arrays reads it. */
export class MessageLog extends Array<RecordedMessage> {
  // what `map` and `filter` make is a plain array
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  /** The latest one whose topic matches the filter. */
  last(filter = '#'): RecordedMessage | undefined {
    return this.findLast(({ topic }) => filterMatches(filter, topic))
  }

  /** All whose topic matches the filter. */
  of(filter: string): RecordedMessage[] {
    return this.filter(({ topic }) => filterMatches(filter, topic))
  }
}

/** Messages that an error lists. */
const LISTED = 20

interface Waiter {
  wants(message: RecordedMessage): boolean
  resolve(message: RecordedMessage): void
  reject(error: AnaxError): void
}

/** Takes down what is published, and tells those who wait for it. */
export class Recorder {
  readonly messages = new MessageLog()
  readonly #waiters = new Set<Waiter>()

  record(message: Message): void {
    const recorded = new RecordedMessage(message)
    this.messages.push(recorded)
    for (const waiter of this.#waiters) if (waiter.wants(recorded)) waiter.resolve(recorded)
  }

  clear(): void {
    this.messages.length = 0
  }

  waitFor(
    filter: string,
    predicate: (message: RecordedMessage) => boolean,
    { timeoutMs = 2000 }: WaitOptions,
  ): Promise<RecordedMessage> {
    const wants = (message: RecordedMessage) => filterMatches(filter, message.topic) && predicate(message)
    const found = this.messages.find(wants)
    if (found !== undefined) return Promise.resolve(found)
    return new Promise((resolve, reject) => {
      const timer = startTimer(() => waiter.reject(this.#missing(filter, timeoutMs)), timeoutMs)
      const over = () => {
        stopTimer(timer)
        this.#waiters.delete(waiter)
      }
      const waiter: Waiter = {
        wants,
        resolve(message) {
          over()
          resolve(message)
        },
        reject(error) {
          over()
          reject(error)
        },
      }
      this.#waiters.add(waiter)
    })
  }

  /** No more messages will come. */
  end(): void {
    for (const waiter of this.#waiters)
      waiter.reject(new AnaxError('ANAX_ERR_CLOSED', { detail: 'while waiting for a message' }))
  }

  #missing(filter: string, timeoutMs: number): AnaxError {
    const listed = this.messages.slice(-LISTED).map(({ topic, text }) => `  ${topic}: ${text}`)
    const more = this.messages.length > LISTED ? [`  (${this.messages.length - LISTED} before these)`] : []
    const came =
      listed.length === 0 ? 'nothing was published' : ['these were published:', ...more, ...listed].join('\n')
    return new AnaxError('ANAX_ERR_TIMEOUT', {
      detail: `no such message on '${filter}' within ${timeoutMs} ms; ${came}`,
    })
  }
}
