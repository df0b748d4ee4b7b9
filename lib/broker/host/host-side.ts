/**
 * Features for the host besides publish and subscribe: message streams, requests and responses, clients within the
 * process. Built on the public operations of the broker; must not know its parts.
 */
import type { Duplex } from 'node:stream'
import type { Client, PublishInput } from '../../../types/client/client.js'
import type { Clock } from '../../../types/clock.js'
import type { Message } from '../../../types/message/message.js'
import type { PayloadInput, PayloadSchema } from '../../../types/message/payload.js'
import type { MaybeAsyncIterable } from '../../../types/persistence.js'
import type { MqttConnection } from '../../client/connection.js'
import type { ConnectOptions, PublishOptions } from '../../client/options.js'
import { AnaxError } from '../../errors.js'
import { codecOf } from '../../payload/payload-codec.js'
import type { TopicNameParams, TopicPattern } from '../../topic/topic-pattern.js'
import { MessageStream, type MessagesOptions } from './message-stream.js'
import { type RequestHandler, type RequestOptions, Requests } from './requests.js'

/** How a client within the process connects. */
export interface HostClientOptions extends ConnectOptions {
  /** Whether hooks are called for this client. @default 'skip' */
  hooks?: 'skip' | 'ask'
}

/** A registered responder; responds until it is closed. */
export interface Responder extends AsyncDisposable {
  /** Stops responding. */
  close(): Promise<void>
}

type Listener = (message: Message) => unknown

/** The broker as this part sees it. */
export interface HostPorts {
  readonly id: string
  readonly clock: Clock
  subscribe(filter: string, listener: Listener): Promise<void>
  unsubscribe(filter: string, listener: Listener): Promise<void>
  /** @returns whether at least one client or listener gets the message, now or later */
  publish(packet: PublishInput): Promise<boolean>
  retained(filter: string): MaybeAsyncIterable<Message>
  handle(stream: Duplex): Client
  /** Exempts a client from hooks. */
  exempt(client: Client): void
  /** Reports a handler of such a client that failed. */
  failed(topic: string, cause: unknown, client: Client): void
}

/** Loaded with the first client: many applications need none, and the library starts with a smaller heap. */
async function loadClient() {
  const [{ connect }, { duplexPair }] = await Promise.all([
    import('../../client/connect.js'),
    import('../../client/duplex-pair.js'),
  ])
  return { connect, duplexPair }
}

/** The application's side of a broker. */
export class HostSide {
  readonly #ports: HostPorts
  readonly #requests: Requests
  readonly #streams = new Set<MessageStream>()
  #isClosed = false

  constructor(ports: HostPorts) {
    this.#ports = ports
    this.#requests = new Requests(ports)
  }

  messages(filter: string, options: MessagesOptions): MessageStream {
    const { subscribe, unsubscribe, retained } = this.#ports
    const source = {
      subscribe: (listener: Listener) => subscribe(filter, listener),
      unsubscribe: (listener: Listener) => unsubscribe(filter, listener),
      retained: () => retained(filter),
    }
    const stream = new MessageStream(source, options, ended => this.#streams.delete(ended))
    this.#streams.add(stream)
    return stream
  }

  async client({ hooks = 'skip', ...options }: HostClientOptions): Promise<MqttConnection> {
    if (this.#isClosed) throw new AnaxError('ANAX_ERR_CLOSED')
    const { clock, handle, exempt, failed } = this.#ports
    const { connect, duplexPair } = await loadClient()
    const [near, far] = duplexPair()
    const client = handle(far)
    if (hooks === 'skip') exempt(client)
    const onError = (cause: unknown, topic: string) => failed(topic, cause, client)
    return connect(near, { clock, onError, ...options })
  }

  request(topic: string, payload: string | Buffer, options: RequestOptions): Promise<Message> {
    return this.#requests.ask(topic, payload, options)
  }

  async respond(filter: string, handler: RequestHandler): Promise<Responder> {
    const listener = (message: Message) => this.#requests.answer(message, handler)
    await this.#ports.subscribe(filter, listener)
    const close = () => this.#ports.unsubscribe(filter, listener)
    return { close, [Symbol.asyncDispose]: close }
  }

  async publishValue<Pattern extends string, Schema extends PayloadSchema>(
    topic: TopicPattern<Pattern>,
    params: TopicNameParams<Pattern>,
    schema: Schema,
    value: PayloadInput<Schema>,
    { properties, ...options }: PublishOptions,
  ): Promise<void> {
    const name = topic.name(params)
    const codec = codecOf(schema)
    const payload = await codec.encode(value)
    await this.#ports.publish({ ...options, topic: name, payload, properties: { ...codec.properties, ...properties } })
  }

  /** The broker closes: ends all streams and rejects pending requests. */
  close(): void {
    this.#isClosed = true
    this.#requests.close()
    for (const stream of this.#streams) stream.end()
  }
}
