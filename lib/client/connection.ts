/**
 * A client's established connection, with promises. Owns the exchange of packets on one stream; does not open the
 * stream and does not reconnect. Knows no broker.
 */
import type { Duplex } from 'node:stream'
import type {
  ConnackPacket,
  ConnectPacket,
  DisconnectPacket,
  DisconnectProperties,
  Packet,
  ProtocolVersion,
  PublishPacket,
  PubrecPacket,
  SubackPacket,
  UnsubackPacket,
} from '../../types/message/packets.js'
import type { Decoder } from '../codec/decode/decoder.js'
import { encode } from '../codec/encode/encoder.js'
import { AnaxError } from '../errors.js'
import { ReasonCode } from '../reason-codes.js'
import { Waiters } from '../util/scheduling/waiters.js'
import { Exchanges } from './exchanges.js'
import { KeepAlive } from './keep-alive.js'
import { type ConnectOptions, type PublishOptions, type SubscribeOptions, systemClock } from './options.js'
import { Reading } from './reading.js'
import { AcknowledgementOrder, type MessageHandler, ReceivedMessage } from './received-message.js'
import { REFUSED, refusal, serverDisconnect } from './refusals.js'

/** The outcome of CONNECT. */
export interface Handshake {
  stream: Duplex
  decoder: Decoder
  connack: ConnackPacket
  options: ConnectOptions
  packet: ConnectPacket
  /** Sets the receiver of further packets. */
  handOver(received: (chunk: Buffer) => void, over: (error: AnaxError | undefined) => void): void
}

/** How a connection ended. */
export interface ConnectionEnd {
  /** Undefined if the client ended the connection. */
  error: AnaxError | undefined
  /** The DISCONNECT of the broker (5.0), if it sent one. */
  packet: DisconnectPacket | undefined
}

/**
 * An MQTT client on one stream; {@link connect} creates it. With `await using`, it disconnects at the end of the scope.
 */
export class MqttConnection {
  /** The client identifier, as agreed with the broker. */
  readonly clientId: string
  /** The answer to CONNECT: session present, and the features that the broker offers. */
  readonly connack: ConnackPacket
  /** Resolves when the connection has ended; never rejects. */
  readonly ended: Promise<ConnectionEnd>
  readonly #stream: Duplex
  readonly #version: ProtocolVersion
  readonly #exchanges = new Exchanges()
  readonly #order = new AcknowledgementOrder()
  readonly #reading: Reading
  readonly #keepalive: KeepAlive
  /** Callers that wait until the stream accepts more data. */
  readonly #drained = new Waiters()
  #end!: (end: ConnectionEnd) => void
  #connected = true
  #serverDisconnect: DisconnectPacket | undefined

  /** Internal: use {@link connect}. */
  constructor(handshake: Handshake) {
    const { stream, decoder, connack, options, packet } = handshake
    const { receiveMaximum, assignedClientIdentifier, serverKeepAlive } = connack.properties ?? {}
    this.connack = connack
    this.clientId = assignedClientIdentifier ?? packet.clientId
    this.#stream = stream
    this.#version = packet.protocolVersion
    if (receiveMaximum !== undefined) this.#exchanges.receiveMaximum = receiveMaximum
    this.#reading = new Reading(options)
    this.ended = new Promise(resolve => {
      this.#end = resolve
    })
    this.#keepalive = new KeepAlive(options.clock ?? systemClock, (serverKeepAlive ?? packet.keepalive) * 1000, {
      ping: () => this.#send({ cmd: 'pingreq' }),
      silent: () => this.#fail(new AnaxError('ANAX_ERR_KEEP_ALIVE', { detail: 'PINGREQ was not answered' })),
    })
    handshake.handOver(
      chunk => this.#receive(decoder, chunk),
      error => this.#over(error),
    )
    stream.on('drain', () => this.#drained.release())
    this.#drain(decoder)
  }

  /** Whether packets can be sent. */
  get connected(): boolean {
    return this.#connected
  }
  /** Whether the broker had a session of this client. */
  get sessionPresent(): boolean {
    return this.connack.sessionPresent
  }
  /** The number of unread messages. */
  get buffered(): number {
    return this.#reading.buffered
  }
  /** QoS 0 messages that were dropped because nobody read them. */
  get dropped(): number {
    return this.#reading.dropped
  }

  /**
   * Publishes a message. Resolves with the reason code: with QoS 0 as soon as the stream accepts more data, otherwise
   * after PUBACK (QoS 1) or PUBCOMP (QoS 2).
   * @throws AnaxError ANAX_ERR_PUBLISH_REFUSED with the broker's reason code, ANAX_ERR_NOT_CONNECTED if the connection
   * ends before the answer, ANAX_ERR_ARGUMENT, ANAX_ERR_PACKET_TOO_LARGE
   */
  async publish(topic: string, payload: string | Buffer = '', options: PublishOptions = {}): Promise<number> {
    const { qos = 0, retain = false, properties } = options
    const packet: PublishPacket = {
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain,
      dup: false,
      ...(properties && { properties }),
    }
    this.#assertConnected()
    if (qos === 0) {
      this.#send(packet)
      if (this.#stream.writableNeedDrain) await this.#drained.wait()
      return ReasonCode.Success
    }
    await this.#exchanges.acquire()
    try {
      this.#assertConnected()
      const answer = await this.#exchanges.ask<PubrecPacket>(messageId => this.#send({ ...packet, messageId }))
      const { reasonCode = ReasonCode.Success, properties: said } = answer
      if (reasonCode >= REFUSED) throw refusal('ANAX_ERR_PUBLISH_REFUSED', topic, reasonCode, said?.reasonString)
      return reasonCode
    } finally {
      this.#exchanges.release()
    }
  }

  /**
   * Subscribes. Messages go to {@link next} and the iterator, or to the handler if there is one: one at a time,
   * acknowledged when its promise resolves.
   * @param filters one or several; `$share/group/filter` for a shared subscription
   * @returns the granted QoS for each filter
   * @throws AnaxError ANAX_ERR_SUBSCRIBE_REFUSED if any filter is refused, ANAX_ERR_NOT_CONNECTED, ANAX_ERR_ARGUMENT
   */
  async subscribe(
    filters: string | readonly string[],
    options: SubscribeOptions = {},
    handler?: MessageHandler,
  ): Promise<number[]> {
    const { subscriptionIdentifier, qos = 0, ...rest } = options
    const topics = [filters].flat() as string[]
    const properties = subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } }
    this.#assertConnected()
    // before SUBACK: retained messages may arrive in the same chunk
    if (handler !== undefined) this.#reading.handle(topics, handler)
    const { granted, properties: said } = await this.#exchanges.ask<SubackPacket>(messageId => {
      const subscriptions = topics.map(topic => ({ topic, qos, ...rest }))
      this.#send({ cmd: 'subscribe', messageId, subscriptions, ...properties })
    })
    const refused = granted.findIndex(code => code >= REFUSED)
    if (refused === -1) return granted
    throw refusal('ANAX_ERR_SUBSCRIBE_REFUSED', topics[refused]!, granted[refused]!, said?.reasonString)
  }

  /**
   * Ends subscriptions, and their handlers.
   * @returns a reason code for each filter (5.0), or an empty array
   * @throws AnaxError ANAX_ERR_NOT_CONNECTED, ANAX_ERR_ARGUMENT
   */
  async unsubscribe(filters: string | readonly string[]): Promise<number[]> {
    const unsubscriptions = [filters].flat() as string[]
    this.#assertConnected()
    const { granted } = await this.#exchanges.ask<UnsubackPacket>(messageId =>
      this.#send({ cmd: 'unsubscribe', messageId, unsubscriptions }),
    )
    this.#reading.unhandle(unsubscriptions)
    return granted
  }

  /**
   * Waits for the next message that has no handler.
   * @throws AnaxError ANAX_ERR_NOT_CONNECTED if the connection ends before
   */
  async next(): Promise<ReceivedMessage> {
    const { done, value } = await this.#reading.next()
    if (done === true) throw new AnaxError('ANAX_ERR_NOT_CONNECTED', { detail: 'no message came before the end' })
    return value
  }

  /** Iterates the messages that have no handler, until the connection ends. */
  async *[Symbol.asyncIterator](): AsyncIterator<ReceivedMessage, undefined> {
    for (let result = await this.#reading.next(); result.done !== true; result = await this.#reading.next()) {
      yield result.value
    }
  }

  /**
   * Sends DISCONNECT and ends the connection. The will is discarded, unless the reason code is 0x04. Resolves when the
   * stream is closed.
   */
  async disconnect(options: { reasonCode?: number; properties?: DisconnectProperties } = {}): Promise<ConnectionEnd> {
    if (this.#connected) {
      this.#send({ cmd: 'disconnect', ...options })
      this.#stream.end()
      this.#over(undefined)
    }
    return this.ended
  }

  /** Breaks the connection without DISCONNECT: the broker publishes the will. */
  destroy(): void {
    this.#over(undefined)
    this.#stream.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  #assertConnected(): void {
    if (!this.#connected) throw new AnaxError('ANAX_ERR_NOT_CONNECTED')
  }

  #send(packet: Packet): void {
    if (!this.#connected) return
    const bytes = encode(packet, this.#version)
    const { maximumPacketSize } = this.connack.properties ?? {}
    if (maximumPacketSize !== undefined && bytes.length > maximumPacketSize) {
      const detail = `${packet.cmd}: ${bytes.length} bytes, the broker takes ${maximumPacketSize}`
      throw new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail })
    }
    this.#stream.write(bytes)
    this.#keepalive.sent()
  }

  #receive(decoder: Decoder, chunk: Buffer): void {
    this.#keepalive.heard()
    decoder.push(chunk)
    this.#drain(decoder)
  }

  #drain(decoder: Decoder): void {
    for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) this.#take(packet)
    if (decoder.error !== undefined) this.#fail(decoder.error)
  }

  #take(packet: Packet): void {
    switch (packet.cmd) {
      case 'publish':
        this.#reading.take(new ReceivedMessage(packet, this.#acknowledgement(packet)))
        break
      case 'pubrec':
        this.#exchanges.note(packet.messageId, packet)
        if ((packet.reasonCode ?? 0) >= REFUSED) this.#exchanges.settle(packet.messageId, packet)
        else this.#send({ cmd: 'pubrel', messageId: packet.messageId })
        break
      case 'pubrel':
        this.#send({ cmd: 'pubcomp', messageId: packet.messageId })
        break
      case 'puback':
      case 'pubcomp':
      case 'suback':
      case 'unsuback':
        this.#exchanges.settle(packet.messageId, packet)
        break
      case 'disconnect':
        this.#serverDisconnect = packet
        this.#fail(serverDisconnect(packet))
        break
      default:
    }
  }

  #acknowledgement({ qos, messageId }: PublishPacket): ((reasonCode: number) => void) | undefined {
    if (qos === 0 || messageId === undefined) return undefined
    const cmd = qos === 1 ? 'puback' : 'pubrec'
    return this.#order.expect(reasonCode => this.#send({ cmd, messageId, ...(reasonCode > 0 && { reasonCode }) }))
  }

  #fail(error: AnaxError): void {
    this.#over(error)
    this.#stream.destroy()
  }

  /** Ends the connection once: stops sending and rejects pending operations. */
  #over(error: AnaxError | undefined): void {
    if (!this.#connected) return
    this.#connected = false
    this.#keepalive.stop()
    const reason = error ?? new AnaxError('ANAX_ERR_NOT_CONNECTED', { detail: 'the client has disconnected' })
    this.#exchanges.fail(reason)
    this.#drained.release()
    this.#reading.end()
    const end = { error, packet: this.#serverDisconnect }
    if (this.#stream.closed || this.#stream.destroyed) this.#end(end)
    else this.#stream.once('close', () => this.#end(end))
  }
}
