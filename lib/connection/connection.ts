/**
 * One stream with a client at its other end: reads packets, writes frames, and has one state.
 * Owns the stream and the life of the connection; what a packet means is the handlers' business,
 * and what outlives the stream is the session's.
 *
 *   awaiting-connect -> connecting -> connected -> closing -> closed
 */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Client } from '../../types/client.js'
import type { ConnectPacket, DisconnectProperties, Packet, ProtocolVersion } from '../../types/packets.js'
import { Decoder } from '../codec/decode/decoder.js'
import { type Dialect, dialectOf } from '../codec/dialect.js'
import { frames } from '../codec/encode/encoder.js'
import { PACKET_NAMES, PacketType } from '../codec/packet-types.js'
import type { InboundTopicAliases } from '../codec/topic-alias.js'
import type { Frame } from '../codec/wire/frame.js'
import { AnaxError, wrapError } from '../errors.js'
import type { Delivery } from '../model/delivery.js'
import type { Ending, Link, Ports } from '../session/ports.js'
import type { Session } from '../session/session.js'
import { Pipeline } from '../util/pipeline.js'
import { ClientHandle } from './client-handle.js'
import { NO_TERMS, type Terms } from './connect-terms.js'
import { type ConnectionState, nextState } from './connection-state.js'
import { ConnectionTimers, type Missed } from './connection-timers.js'
import type { ExtendedExchange } from './extended-authentication.js'
import { ConnectProcess } from './handlers/connect.js'
import { receive } from './handlers/index.js'
import { Outbox } from './outbox.js'
import { PacketEncoder, type Unsendable } from './packet-encoder.js'

/** Beyond this a client that was not let in yet has to wait. */
const READ_AHEAD_BYTES = 64 * 1024

export class Connection extends ClientHandle implements Link {
  readonly conn: Duplex
  readonly req: IncomingMessage | undefined
  readonly ports: Ports
  dialect: Dialect = dialectOf(4)
  session: Session | undefined
  /** Set while CONNECT is being answered. */
  process: ConnectProcess | undefined
  reauthentication: ExtendedExchange | undefined
  inboundAliases: InboundTopicAliases | undefined
  /** Incoming QoS 1 messages that are not acknowledged yet. */
  unacknowledged = 0
  #state: ConnectionState = 'awaiting-connect'
  #hasVersion = false
  #wasConnected = false
  #terms = NO_TERMS
  #encoder: PacketEncoder
  #ingress: Pipeline | undefined
  readonly #decoder: Decoder
  readonly #outbox: Outbox
  #receiving = false
  /** Bytes that came while CONNECT was being answered. */
  #ahead = 0
  #paused = false
  #quiet = false
  /** How the client took its leave. */
  #farewell: Ending | undefined
  readonly #timers: ConnectionTimers
  #released: Promise<void> | undefined
  #onStreamClosed: (() => void) | undefined

  constructor(stream: Duplex, request: IncomingMessage | undefined, ports: Ports) {
    super()
    this.conn = stream
    this.req = request
    this.ports = ports
    const { maxConnectSize, maxPacketSize } = ports.options
    this.#decoder = new Decoder({ side: 'broker', maximumPacketSize: Math.min(maxConnectSize, maxPacketSize) })
    this.#encoder = new PacketEncoder(this.dialect, NO_TERMS, ports.options)
    this.#outbox = new Outbox(stream, ports.flusher, this.#onBlocked)
    this.#timers = new ConnectionTimers(ports.timers, ports.options, what => this.#onMissed(what))
    // packets are joined once per turn here: joining them again in the kernel only makes them late
    if (stream instanceof Socket) stream.setNoDelay(true)
    stream.on('data', this.#onData)
    stream.on('drain', this.#onDrain)
    stream.on('error', this.#onError)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onClose)
    if (stream.destroyed) queueMicrotask(this.#onClose)
  }

  /** The pipeline of packets; made with the first, for many clients send none. */
  get ingress(): Pipeline {
    this.#ingress ??= new Pipeline(
      this.ports.options.receiveMaximum + 1, // one more, so that a client that sends too many is noticed
      error => this.fail(wrapError('ANAX_ERR_STORE', error)),
      () => this.#onIngressDrained(),
    )
    return this.#ingress
  }
  get terms(): Terms {
    return this.#terms
  }
  get version(): ProtocolVersion | undefined {
    return this.#hasVersion ? this.dialect.version : undefined
  }
  get state(): ConnectionState {
    return this.#state
  }
  get client(): Client {
    return this
  }
  protected get connection(): Connection {
    return this
  }
  get ready(): boolean {
    return !this.#outbox.blocked && this.#state === 'connected'
  }

  /** CONNECT arrived and is being looked at. */
  begin(packet: ConnectPacket): void {
    this.#become('connecting')
    this.#setVersion()
    this.process = new ConnectProcess(this, packet)
    this.process.run()
  }

  /** The client was let in. */
  establish(session: Session): void {
    const { keepalive, receiveMaximum } = this.terms
    const { options } = this.ports
    this.session = session
    this.#wasConnected = true
    this.#decoder.maximumPacketSize = options.maxPacketSize
    this.#become('connected')
    session.attach(this, Math.min(receiveMaximum, options.maxInflight))
    this.#timers.connected(keepalive)
  }

  /** What CONNECT said. */
  agree(terms: Terms): void {
    this.#terms = terms
    this.#encoder = new PacketEncoder(this.dialect, terms, this.ports.options)
  }

  /** Takes the version that the decoder saw in CONNECT. */
  #setVersion(): void {
    this.#hasVersion = true
    this.dialect = dialectOf(this.#decoder.protocolVersion)
    this.#encoder = new PacketEncoder(this.dialect, NO_TERMS, this.ports.options)
  }

  /** Goes on reading what the client sent behind CONNECT, or behind a packet of an authentication. */
  readOn(): void {
    this.#receive()
    this.#flow()
  }

  /** Lets the stream flow while somebody reads. What is left over in the decoder waits for the stream to flow again. */
  #flow(): void {
    if (this.#released !== undefined || this.#paused !== (this.#mayRead || this.#mayReadAhead)) return
    this.#paused = !this.#paused
    if (this.#paused) this.conn.pause()
    else this.conn.resume()
  }

  /** Writes a packet, cut to what the client accepts. A client that accepts none such is told no more. */
  send(packet: Packet): void {
    const frame = this.#encoder.packet(packet)
    if (frame !== undefined) this.#outbox.add(frame)
    else if (packet.cmd !== 'connack' && packet.cmd !== 'disconnect') {
      // it would wait for this one for ever
      this.fail(new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: packet.cmd.toUpperCase() }))
    }
  }

  /** Whether the client accepts a packet of this size. */
  fits(packet: Packet): boolean {
    return this.#encoder.packet(packet) !== undefined
  }

  write(frame: Frame, packetId: number): void {
    this.#outbox.add(frame, packetId)
  }

  frame(delivery: Delivery, attempt: 'first' | 'again'): Frame | Unsendable {
    return this.#encoder.publish(delivery, attempt, this.ports.timers)
  }

  release(): Frame {
    return frames.pubrel
  }

  /** Ends the connection because of an error: says so where the version can, and tells the host. */
  fail(error: AnaxError, properties?: DisconnectProperties): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    const wasConnected = this.#state === 'connected'
    if (wasConnected) this.#sayGoodbye(error.reasonCode, properties)
    this.end({ will: 'publish', reason: error })
    this.ports.events.emit(wasConnected ? 'clientError' : 'connectionError', this, error)
  }

  /** Ends the connection on the broker's own behalf: takeover, shutdown, an administrative action. */
  dismiss(error: AnaxError, properties?: DisconnectProperties): Promise<void> {
    if (this.#state === 'connected') this.#sayGoodbye(error.reasonCode, properties)
    return this.end({ will: 'publish', reason: error })
  }

  /** The client takes its leave: no more is read, and whatever ends the connection, it ended like this [MQTT-3.14.4-3]. */
  depart(ending: Ending): void {
    this.#quiet = true
    this.#farewell = ending
  }

  /** Ends the connection; resolves when nothing of it is left. */
  end(fallback: Ending): Promise<void> {
    if (this.#released !== undefined) return this.#released
    const ending = this.#farewell ?? fallback
    this.#become('closing')
    this.process?.abort()
    this.reauthentication?.abort()
    this.#timers.stop()
    this.#outbox.finish()
    this.#timers.closing()
    if (this.conn.destroyed) {
      this.destroyStream()
    } else {
      this.conn.end(() => this.destroyStream())
      // reading on, into nothing, lets a peer that closes its side be noticed
      this.conn.resume()
    }
    // the will and the farewell are of clients that were let in
    this.#released = this.#releaseAll(this.#wasConnected ? ending : { ...ending, will: 'discard' })
    return this.#released
  }

  /** Resolves when the stream is closed, and with it everything written to the client or given up. */
  async streamClosed(): Promise<void> {
    if (this.conn.closed) return
    await new Promise<void>(resolve => {
      this.#onStreamClosed = resolve
    })
  }

  /** Not every stream says that it is closed (`emitClose: false`): it is looked at as well. */
  destroyStream(): void {
    this.conn.destroy()
    setImmediate(() => this.conn.closed && this.#onClose())
  }

  /** Reads no more; resolves when all that was received is answered. */
  async quiesce(): Promise<void> {
    this.#quiet = true
    if (this.#state === 'connected') await this.#ingress?.settled()
  }

  async #releaseAll(ending: Ending): Promise<void> {
    await this.process?.done
    await this.#ingress?.settled()
    if (this.session !== undefined) {
      await this.ports.sessions.release(this, ending)
      if (this.#wasConnected) this.ports.events.emit('clientDisconnect', this)
    }
    this.#become('closed')
    this.ports.closed(this)
    this.ports.events.emitFrom(this, 'close')
  }

  #become(state: ConnectionState): void {
    this.#state = nextState(this.#state, state)
  }

  #sayGoodbye(reasonCode: number, properties?: DisconnectProperties): void {
    const packet = this.dialect.disconnect(reasonCode, properties)
    if (packet !== undefined) this.send(packet)
  }

  get #mayRead(): boolean {
    if (this.#quiet || this.#outbox.isOverfull) return false
    if (this.#state === 'connected') return this.#ingress?.full !== true
    return this.#state === 'awaiting-connect' || (this.#state === 'connecting' && this.process!.awaitsPacket)
  }

  /** Until the client is let in, what it sends is kept: only a stream that is read tells that it has ended. */
  get #mayReadAhead(): boolean {
    return this.#state === 'connecting' && this.#ahead <= READ_AHEAD_BYTES
  }

  #receive(): void {
    if (this.#receiving) return
    this.#receiving = true
    while (this.#mayRead) {
      const packet = this.#decoder.next()
      if (packet === undefined) break
      receive(this, packet)
    }
    this.#receiving = false
    const { error } = this.#decoder
    if (error !== undefined && this.#mayRead) this.#onMalformed(error)
    else if (this.#state === 'awaiting-connect') this.#expectConnect()
  }

  /** A stranger's packet is not waited for to its end, where it is none that may come first [MQTT-3.1.0-1]. */
  #expectConnect(): void {
    const { packetType } = this.#decoder
    if (packetType === undefined || packetType === PacketType.CONNECT) return
    this.fail(new AnaxError('ANAX_ERR_PROTOCOL', { detail: `${PACKET_NAMES[packetType]} before CONNECT` }))
  }

  #onMalformed(error: AnaxError): void {
    if (this.#state !== 'connected') {
      this.#setVersion()
      // [MQTT-3.1.4-1]: a CONNECT that cannot be read may be answered, anything else before it may not
      const answer =
        this.#decoder.packetType === PacketType.CONNECT
          ? this.dialect.connack({ reasonCode: error.reasonCode, sessionPresent: false })
          : undefined
      if (answer !== undefined) this.send(answer)
    }
    this.fail(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#timers.heard()
    if (this.#state === 'connecting') this.#ahead += chunk.length
    this.#decoder.push(chunk)
    this.#receive()
    this.#flow()
  }

  readonly #onBlocked = (): void => this.#timers.blocked()

  readonly #onDrain = (): void => {
    this.#timers.drained()
    this.#outbox.drained()
    this.session?.outgoing?.pump()
    if (this.#paused) this.readOn()
  }

  readonly #onEnd = (): void => {
    this.end({ will: 'publish', reason: undefined })
  }

  readonly #onClose = (): void => {
    this.#onEnd()
    this.#timers.stop()
    this.#onStreamClosed?.()
    // the stream is the host's: nothing of the broker stays on it
    this.conn.off('data', this.#onData).off('drain', this.#onDrain).off('error', this.#onError)
    this.conn.off('end', this.#onEnd).off('close', this.#onClose)
  }

  readonly #onError = (error: Error): void => {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.fail(wrapError('ANAX_ERR_STREAM', error))
  }

  #onIngressDrained(): void {
    if (this.#paused && this.#state === 'connected') this.readOn()
  }

  #onMissed(what: Missed): void {
    switch (what) {
      case 'connect':
        if (this.process !== undefined) this.process.timeOut()
        else this.fail(new AnaxError('ANAX_ERR_CONNECT_TIMEOUT'))
        break
      case 'life':
        // a client that the broker does not listen to is not silent
        if (this.#paused) {
          this.#timers.connected(this.keepalive)
          break
        }
        this.ports.events.emit('keepaliveTimeout', this)
        this.fail(new AnaxError('ANAX_ERR_KEEP_ALIVE'))
        break
      case 'drain':
        this.fail(new AnaxError('ANAX_ERR_DRAIN_TIMEOUT'))
        break
      case 'goodbye':
        this.destroyStream()
    }
  }
}
