/**
 * One stream to a client: reads packets, writes frames, and has one state. Owns the stream, the state and the timers,
 * and puts the other parts together. Must not know what a packet means, nor other clients.
 *
 *   awaiting-connect -> connecting -> connected -> closing -> closed
 */
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { AuthPacket, ConnectPacket, DisconnectProperties, Packet, ProtocolVersion } from '../../types/packets.js'
import { Decoder } from '../codec/decode/decoder.js'
import { type Dialect, dialectOf } from '../codec/dialect.js'
import type { PublishMessage } from '../codec/publish-message.js'
import { InboundTopicAliases } from '../codec/topic-alias.js'
import type { Frame } from '../codec/wire/frame.js'
import { AnaxError, wrapError } from '../errors.js'
import type { Delivery } from '../model/delivery.js'
import type { Link, Unsendable } from '../session/outgoing/link.js'
import type { Session } from '../session/session.js'
import type { Ending } from '../session/session-directory.js'
import { Pipeline } from '../util/pipeline.js'
import type { ConnectingChannel, Reauthentication } from './channel.js'
import { ChannelClient } from './client/client.js'
import { type ConnectParameters, INITIAL_PARAMETERS } from './connect/connect-parameters.js'
import { ConnectProcess } from './connect/connect-process.js'
import { firstPacketError, malformedFirstPacketAnswer } from './connect/first-packet.js'
import type { ConnectionPorts } from './connection-ports.js'
import type { ConnectionSource } from './connection-source.js'
import { type ConnectionState, nextState } from './connection-state.js'
import { ConnectionTimers, type Deadline } from './connection-timers.js'
import { receive } from './handlers/index.js'
import { Outbox } from './outbox.js'
import { PacketEncoder } from './packet-encoder.js'

/** Above this no more is read from a client whose CONNECT is not answered yet. */
const READ_AHEAD_BYTES = 64 * 1024

export class Connection implements ConnectingChannel, Link {
  readonly client: ChannelClient
  readonly ports: ConnectionPorts
  drops = 0
  readonly #stream: Duplex
  /** The broker's connections: it is one of them until nothing of it is left. */
  readonly #open: Set<Connection>
  #dialect: Dialect = dialectOf(4)
  #session: Session | undefined
  /** Set while CONNECT is being answered. */
  #connect: ConnectProcess | undefined
  #reauthentication: Reauthentication | undefined
  #topicAliases: InboundTopicAliases | undefined
  #state: ConnectionState = 'awaiting-connect'
  #hasVersion = false
  #wasConnected = false
  #parameters = INITIAL_PARAMETERS
  #encoder: PacketEncoder
  #ingress: Pipeline | undefined
  readonly #decoder: Decoder
  readonly #outbox: Outbox
  #receiving = false
  /** Bytes that came while CONNECT was being answered. */
  #readAheadBytes = 0
  #paused = false
  /** Whether no more packets are read, ever. */
  #readingStopped = false
  /** As the client's DISCONNECT wants it. */
  #disconnectEnding: Ending | undefined
  readonly #timers: ConnectionTimers
  /** Set once the connection ends; resolves when nothing of it is left. */
  #released: Promise<void> | undefined
  #onStreamClosed: (() => void) | undefined

  /** @param open the broker's connections, to which it is added */
  constructor(source: ConnectionSource, ports: ConnectionPorts, open: Set<Connection>) {
    const { stream } = source
    this.client = new ChannelClient(this, source)
    this.#stream = stream
    this.ports = ports
    this.#open = open
    const { maxConnectSize, maxPacketSize } = ports.options
    this.#decoder = new Decoder({ side: 'broker', maximumPacketSize: Math.min(maxConnectSize, maxPacketSize) })
    this.#encoder = new PacketEncoder(this.#dialect, INITIAL_PARAMETERS, ports.options)
    this.#outbox = new Outbox(stream, ports.flusher, this.#onBlocked)
    this.#timers = new ConnectionTimers(ports.timers, ports.options, deadline => this.#onDeadline(deadline))
    // the outbox joins packets already: Nagle's algorithm would only delay them
    if (stream instanceof Socket) stream.setNoDelay(true)
    stream.on('data', this.#onData)
    stream.on('drain', this.#onDrain)
    stream.on('error', this.#onError)
    stream.on('end', this.#onEnd)
    stream.on('close', this.#onClose)
    if (stream.destroyed) queueMicrotask(this.#onClose)
    open.add(this)
  }

  /** Made with the first packet that needs it: many clients send none. */
  get ingress(): Pipeline {
    this.#ingress ??= new Pipeline(
      this.ports.options.receiveMaximum + 1, // one more, to notice a client that sends too many
      error => this.fail(wrapError('ANAX_ERR_STORE', error)),
      () => this.#onIngressDrained(),
    )
    return this.#ingress
  }
  get session(): Session | undefined {
    return this.#session
  }
  get dialect(): Dialect {
    return this.#dialect
  }
  get parameters(): ConnectParameters {
    return this.#parameters
  }
  get version(): ProtocolVersion | undefined {
    return this.#hasVersion ? this.#dialect.version : undefined
  }
  get state(): ConnectionState {
    return this.#state
  }
  get connecting(): boolean {
    return this.#state === 'connecting'
  }
  get connected(): boolean {
    return this.#state === 'connected'
  }
  get reauthentication(): Reauthentication | undefined {
    return this.#reauthentication
  }
  get ready(): boolean {
    return !this.#outbox.blocked && this.#state === 'connected'
  }

  beginConnect(packet: ConnectPacket): void {
    this.#become('connecting')
    this.#setVersion()
    this.#connect = new ConnectProcess(this, packet)
    this.#connect.run()
  }

  continueConnect(packet: AuthPacket): void {
    this.#connect?.receive(packet)
  }

  refuse(error: AnaxError): void {
    this.#connect?.refuse(error)
  }

  setParameters(parameters: ConnectParameters): void {
    this.#parameters = parameters
    this.#encoder = new PacketEncoder(this.#dialect, parameters, this.ports.options)
  }

  setSession(session: Session): void {
    this.#session = session
  }

  accept(): void {
    const { keepalive, receiveMaximum } = this.#parameters
    const { options } = this.ports
    this.#wasConnected = true
    this.#decoder.maximumPacketSize = options.maxPacketSize
    this.#become('connected')
    this.#session!.attach(this, Math.min(receiveMaximum, options.maxInflight))
    this.#timers.connected(keepalive)
  }

  connectAnswered(): void {
    this.#connect = undefined
    this.resumeReading()
  }

  setReauthentication(reauthentication: Reauthentication | undefined): void {
    this.#reauthentication = reauthentication
  }

  resolveTopicAlias(message: PublishMessage): AnaxError | undefined {
    this.#topicAliases ??= new InboundTopicAliases(this.ports.options.topicAliasMaximum)
    return this.#topicAliases.resolve(message)
  }

  /** Takes the version that the decoder found in CONNECT. */
  #setVersion(): void {
    this.#hasVersion = true
    this.#dialect = dialectOf(this.#decoder.protocolVersion)
    this.#encoder = new PacketEncoder(this.#dialect, INITIAL_PARAMETERS, this.ports.options)
  }

  resumeReading(): void {
    this.#receive()
    this.#flow()
  }

  /** Pauses or resumes the stream. What is left in the decoder is read when the stream is resumed. */
  #flow(): void {
    if (this.#released !== undefined || this.#paused !== (this.#mayRead() || this.#mayReadAhead())) return
    this.#paused = !this.#paused
    if (this.#paused) this.#stream.pause()
    else this.#stream.resume()
  }

  send(packet: Packet): void {
    const frame = this.#encoder.packet(packet)
    if (frame !== undefined) this.#outbox.add(frame)
    else if (packet.cmd !== 'connack' && packet.cmd !== 'disconnect') {
      // otherwise the client would wait for this packet for ever
      this.fail(new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: packet.cmd.toUpperCase() }))
    }
  }

  fits(packet: Packet): boolean {
    return this.#encoder.packet(packet) !== undefined
  }

  write(frame: Frame, packetId: number): void {
    this.#outbox.add(frame, packetId)
  }

  frame(delivery: Delivery, attempt: 'first' | 'again'): Frame | Unsendable {
    return this.#encoder.publish(delivery, attempt, this.ports.timers)
  }

  fail(error: AnaxError, properties?: DisconnectProperties): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    const wasConnected = this.#state === 'connected'
    if (wasConnected) this.#sendDisconnect(error.reasonCode, properties)
    this.end({ will: 'publish', reason: error })
    this.ports.events.emit(wasConnected ? 'clientError' : 'connectionError', this.client, error)
  }

  disconnect(error: AnaxError, properties?: DisconnectProperties): Promise<void> {
    if (this.#state === 'connected') this.#sendDisconnect(error.reasonCode, properties)
    return this.end({ will: 'publish', reason: error })
  }

  disconnectReceived(ending: Ending): void {
    this.#readingStopped = true
    this.#disconnectEnding = ending
  }

  end(fallback: Ending): Promise<void> {
    if (this.#released !== undefined) return this.#released
    const ending = this.#disconnectEnding ?? fallback
    this.#become('closing')
    this.#connect?.abort()
    this.#reauthentication?.abort()
    this.#timers.stop()
    this.#outbox.finish()
    this.#timers.closing()
    if (this.#stream.destroyed) {
      this.destroyStream()
    } else {
      this.#stream.end(() => this.destroyStream())
      // a stream emits 'end' only while it is read: what still comes is ignored
      this.#stream.resume()
    }
    // a client that was not accepted has no will
    this.#released = this.#releaseAll(this.#wasConnected ? ending : { ...ending, will: 'discard' })
    return this.#released
  }

  /** Resolves when the stream is closed: everything was written, or given up. */
  async streamClosed(): Promise<void> {
    if (this.#stream.closed) return
    await new Promise<void>(resolve => {
      this.#onStreamClosed = resolve
    })
  }

  /** Not every stream emits 'close' (`emitClose: false`), so `closed` is checked as well. */
  destroyStream(): void {
    this.#stream.destroy()
    setImmediate(() => this.#stream.closed && this.#onClose())
  }

  /** Stops reading packets. Resolves when all that were received are answered. */
  async stopReading(): Promise<void> {
    this.#readingStopped = true
    if (this.#state === 'connected') await this.#ingress?.settled()
  }

  async #releaseAll(ending: Ending): Promise<void> {
    await this.#connect?.done
    await this.#ingress?.settled()
    if (this.#session !== undefined) {
      await this.ports.sessions.release(this, ending)
      if (this.#wasConnected) this.ports.events.emit('clientDisconnect', this.client)
    }
    this.#become('closed')
    this.#open.delete(this)
    this.ports.events.emitFrom(this.client, 'close')
  }

  #become(state: ConnectionState): void {
    this.#state = nextState(this.#state, state)
  }

  #sendDisconnect(reasonCode: number, properties?: DisconnectProperties): void {
    const packet = this.#dialect.disconnect(reasonCode, properties)
    if (packet !== undefined) this.send(packet)
  }

  #mayRead(): boolean {
    if (this.#readingStopped || this.#outbox.isOverfull) return false
    if (this.#state === 'connected') return this.#ingress?.full !== true
    return this.#state === 'awaiting-connect' || (this.#state === 'connecting' && this.#connect!.awaitsPacket)
  }

  /** While CONNECT is being answered the stream is read, within a limit: otherwise its end would not be noticed. */
  #mayReadAhead(): boolean {
    return this.#state === 'connecting' && this.#readAheadBytes <= READ_AHEAD_BYTES
  }

  #receive(): void {
    if (this.#receiving) return
    this.#receiving = true
    while (this.#mayRead()) {
      const packet = this.#decoder.next()
      if (packet === undefined) break
      receive(this, packet)
    }
    this.#receiving = false
    const { error } = this.#decoder
    if (error !== undefined && this.#mayRead()) this.#onMalformed(error)
    else if (this.#state === 'awaiting-connect') {
      const unexpected = firstPacketError(this.#decoder.packetType)
      if (unexpected !== undefined) this.fail(unexpected)
    }
  }

  #onMalformed(error: AnaxError): void {
    if (this.#state !== 'connected') {
      this.#setVersion()
      const answer = malformedFirstPacketAnswer(this.#decoder.packetType, this.#dialect, error)
      if (answer !== undefined) this.send(answer)
    }
    this.fail(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#timers.received()
    if (this.#state === 'connecting') this.#readAheadBytes += chunk.length
    this.#decoder.push(chunk)
    this.#receive()
    this.#flow()
  }

  readonly #onBlocked = (): void => this.#timers.blocked()

  readonly #onDrain = (): void => {
    this.#timers.drained()
    this.#outbox.drained()
    this.#session?.outgoing?.pump()
    if (this.#paused) this.resumeReading()
  }

  readonly #onEnd = (): void => {
    this.end({ will: 'publish', reason: undefined })
  }

  readonly #onClose = (): void => {
    this.#onEnd()
    this.#timers.stop()
    this.#onStreamClosed?.()
    // the stream belongs to the host: no listener of the broker stays on it
    this.#stream.off('data', this.#onData).off('drain', this.#onDrain).off('error', this.#onError)
    this.#stream.off('end', this.#onEnd).off('close', this.#onClose)
  }

  readonly #onError = (error: Error): void => {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.fail(wrapError('ANAX_ERR_STREAM', error))
  }

  #onIngressDrained(): void {
    if (this.#paused && this.#state === 'connected') this.resumeReading()
  }

  #onDeadline(deadline: Deadline): void {
    switch (deadline) {
      case 'connect':
        if (this.#connect !== undefined) this.#connect.timeOut()
        else this.fail(new AnaxError('ANAX_ERR_CONNECT_TIMEOUT'))
        break
      case 'keep-alive':
        // the client may be sending: the broker is not reading
        if (this.#paused) {
          this.#timers.connected(this.#parameters.keepalive)
          break
        }
        this.ports.events.emit('keepaliveTimeout', this.client)
        this.fail(new AnaxError('ANAX_ERR_KEEP_ALIVE'))
        break
      case 'drain':
        this.fail(new AnaxError('ANAX_ERR_DRAIN_TIMEOUT'))
        break
      case 'close':
        this.destroyStream()
    }
  }
}
