/**
 * MQTT 5.0 request and response: a response topic, and correlation data that match a response to its request. Owns the
 * pending requests; must not know how messages are routed.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../../types/clock.js'
import type { Message } from '../../../types/message/message.js'
import type { PublishProperties, QoS } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { checkOptions, LONGEST_TIMEOUT_MS, oneOf, type Rule, whole } from '../option-rules.js'

/** Options of a request. */
export interface RequestOptions {
  /** Time limit for the response, in milliseconds, from 1. @default 5000 */
  timeoutMs?: number
  /** QoS of the request, 1 or 2: for QoS 0 the broker does not know whether there are receivers. @default 1 */
  qos?: Exclude<QoS, 0>
  /** MQTT 5.0 properties; the broker sets response topic and correlation data. */
  properties?: PublishProperties
}

/** The result of a handler: a payload, or a payload with properties; undefined sends an empty response. */
export type ResponseInput =
  | string
  | Buffer
  | { payload?: string | Buffer; properties?: PublishProperties }
  | undefined
  | void

/** Handles requests: receives the message and returns the response or a promise of it. */
export type RequestHandler = (request: Message) => ResponseInput | Promise<ResponseInput>

const RULES: Record<keyof RequestOptions, Rule> = {
  timeoutMs: whole(1, LONGEST_TIMEOUT_MS),
  qos: oneOf(1, 2),
  properties: { expected: 'an object', holds: value => typeof value === 'object' && value !== null },
}

/** The broker as this part sees it. */
export interface RequestPorts {
  readonly id: string
  readonly clock: Clock
  subscribe(filter: string, listener: (message: Message) => void): Promise<void>
  /** @returns whether at least one client or listener gets the message, now or later */
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

/** The pending requests and the responders of one broker. */
export class Requests {
  readonly #ports: RequestPorts
  readonly #open = new Map<string, Question>()
  #listening: Promise<void> | undefined

  constructor(ports: RequestPorts) {
    this.#ports = ports
  }

  async ask(topic: string, payload: string | Buffer, options: RequestOptions): Promise<Message> {
    checkOptions(options, RULES, 'ANAX_ERR_ARGUMENT', 'request: ')
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
    // a message without a response topic requests no response
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

  /** Rejects all pending requests. */
  close(): void {
    for (const question of this.#open.values()) question.reject(new AnaxError('ANAX_ERR_CLOSED'))
  }

  /** A response topic that cannot be guessed, so that only receivers of the request can respond. */
  #topic(key: string): string {
    return `anax/response/${this.#ports.id}/${key}`
  }

  #listen(): Promise<void> {
    this.#listening ??= this.#ports.subscribe(this.#topic('+'), message => {
      const key = message.topic.slice(message.topic.lastIndexOf('/') + 1)
      this.#open.get(key)?.resolve(message)
    })
    // subscribe again if it failed before
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
