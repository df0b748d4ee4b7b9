/**
 * Request and response as MQTT 5.0 has it: a topic for the answers, and data that say which question one belongs to.
 * Owns the questions that are open; must not know how messages travel.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../types/clock.js'
import type { Message } from '../../../types/message.js'
import type { PublishProperties, QoS } from '../../../types/packets.js'
import { AnaxError } from '../../errors.js'

/** How a question is asked. */
export interface RequestOptions {
  /** Milliseconds until an answer has to be there. @default 5000 */
  timeoutMs?: number
  /** QoS that it is published with: only of these it is known whether anybody gets it. @default 1 */
  qos?: Exclude<QoS, 0>
  /** MQTT 5.0 properties; the response topic and the correlation data are the broker's to set. */
  properties?: PublishProperties
}

/** What a handler answers with: a payload, or a payload with properties; nothing is an empty answer. */
export type ResponseInput =
  | string
  | Buffer
  | { payload?: string | Buffer; properties?: PublishProperties }
  | undefined
  | void

/** Answers questions: gets the message, and returns (a promise of) what to answer. */
export type RequestHandler = (request: Message) => ResponseInput | Promise<ResponseInput>

/** What is needed of the broker. */
export interface RequestPorts {
  readonly id: string
  readonly clock: Clock
  subscribe(filter: string, listener: (message: Message) => void): Promise<void>
  /** @returns whether anybody gets it, now or later */
  publish(packet: {
    topic: string
    payload: string | Buffer
    qos: QoS
    properties?: PublishProperties
  }): Promise<boolean>
}

interface Question {
  resolve(answer: Message): void
  reject(error: AnaxError): void
}

/** The questions of one broker, and their answers. */
export class Requests {
  readonly #ports: RequestPorts
  readonly #open = new Map<string, Question>()
  #listening: Promise<void> | undefined

  constructor(ports: RequestPorts) {
    this.#ports = ports
  }

  async ask(topic: string, payload: string | Buffer, options: RequestOptions): Promise<Message> {
    const { timeoutMs = 5000, qos = 1, properties } = options
    await this.#listen()
    const key = randomUUID()
    const answered = this.#expect(key, topic, timeoutMs)
    const about = { responseTopic: this.#topic(key), correlationData: Buffer.from(key) }
    try {
      const isWanted = await this.#ports.publish({ topic, payload, qos, properties: { ...properties, ...about } })
      if (!isWanted) throw new AnaxError('ANAX_ERR_NO_SUBSCRIBERS', { detail: topic })
    } catch (error) {
      this.#open.get(key)?.reject(error as AnaxError)
    }
    return answered
  }

  async answer(request: Message, handler: RequestHandler): Promise<void> {
    const { responseTopic, correlationData } = request.properties ?? {}
    const response = await handler(request)
    // who does not say where, wants no answer
    if (responseTopic === undefined) return
    const isPlain = typeof response === 'string' || Buffer.isBuffer(response)
    const { payload = '', properties } = isPlain ? { payload: response } : (response ?? {})
    await this.#ports.publish({
      topic: responseTopic,
      payload,
      qos: request.qos,
      properties: { ...properties, ...(correlationData && { correlationData }) },
    })
  }

  /** No answers will come any more. */
  close(): void {
    for (const question of this.#open.values()) question.reject(new AnaxError('ANAX_ERR_CLOSED'))
  }

  /** Unguessable, so that nobody else can answer. */
  #topic(key: string): string {
    return `anax/response/${this.#ports.id}/${key}`
  }

  #listen(): Promise<void> {
    this.#listening ??= this.#ports.subscribe(this.#topic('+'), message => {
      const key = message.topic.slice(message.topic.lastIndexOf('/') + 1)
      this.#open.get(key)?.resolve(message)
    })
    // another attempt where it failed
    this.#listening.catch(() => {
      this.#listening = undefined
    })
    return this.#listening
  }

  #expect(key: string, topic: string, timeoutMs: number): Promise<Message> {
    const { clock } = this.#ports
    return new Promise((resolve, reject) => {
      const late = () => question.reject(new AnaxError('ANAX_ERR_TIMEOUT', { detail: `${topic}, ${timeoutMs} ms` }))
      const timer = clock.setTimeout(late, timeoutMs)
      const over = () => {
        clock.clearTimeout(timer)
        this.#open.delete(key)
      }
      const question: Question = {
        resolve(answer) {
          over()
          resolve(answer)
        },
        reject(error) {
          over()
          reject(error)
        },
      }
      this.#open.set(key, question)
    })
  }
}
