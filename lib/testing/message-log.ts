/** Records all messages that a broker publishes in a test, and waits for messages. Owns the record; knows no broker. */
import { AnaxError, filterMatches, type Message, type PublishProperties, type QoS } from '../index.js'

const { setTimeout: startTimer, clearTimeout: stopTimer } = globalThis

/** A published message. */
export class RecordedMessage {
  /** Its topic. */
  readonly topic: string
  /** Its content. */
  readonly payload: Buffer
  /** The QoS with which it was published. */
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

/** Options of waiting. */
export interface WaitOptions {
  /** Time limit in milliseconds of real time, whatever clock the broker has. @default 2000 */
  timeoutMs?: number
}

/** The published messages, oldest first. It is an array, so that it works with everything that reads arrays. */
export class MessageLog extends Array<RecordedMessage> {
  // `map` and `filter` return a plain array
  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  /** The latest message whose topic matches the filter. */
  last(filter = '#'): RecordedMessage | undefined {
    return this.findLast(({ topic }) => filterMatches(filter, topic))
  }

  /** All messages whose topic matches the filter. */
  of(filter: string): RecordedMessage[] {
    return this.filter(({ topic }) => filterMatches(filter, topic))
  }
}

/** Maximum number of messages that an error lists. */
const LISTED = 20

interface Waiter {
  wants(message: RecordedMessage): boolean
  resolve(message: RecordedMessage): void
  reject(error: AnaxError): void
}

/** Records published messages, and notifies those who wait for them. */
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

  /** Called when no more messages will come. */
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
