/**
 * One stream to a client: reads packets, writes frames, and has one state. Owns the stream, the state and the timers,
 * and puts the other parts together. Must not know what a packet means, nor other clients.
 *
 *   awaiting-connect -> connecting -> connected -> closing -> closed
 */
import type {
  AuthPacket,
  ConnectPacket,
  DisconnectProperties,
  Packet,
  ProtocolVersion,
} from '../../types/message/packets.js'
import type { DecodedPacket } from '../codec/decode/decoder.js'
import type { Dialect } from '../codec/dialect.js'
import type { PublishMessage } from '../codec/publish-message.js'
import type { Frame } from '../codec/wire/frame.js'
import { AnaxError, wrapError } from '../errors.js'
import type { Delivery } from '../model/delivery.js'
import { ConnectionTraffic } from '../model/metering/traffic.js'
import type { Link, Unsendable } from '../session/outgoing/link.js'
import type { Session } from '../session/session.js'
import type { Ending } from '../session/session-directory.js'
import type { Roster } from '../util/collections/roster.js'
import { Cost } from '../util/scheduling/fairness.js'
import { Pipeline } from '../util/scheduling/pipeline.js'
import type { ConnectingChannel, Reauthentication } from './channel.js'
import { ChannelClient } from './client/client.js'
import { ClientProtocol } from './client-protocol.js'
import { type ConnectParameters, keptParameters } from './connect/connect-parameters.js'
import { ConnectProcess } from './connect/connect-process.js'
import { firstPacketError, malformedFirstPacketAnswer } from './connect/first-packet.js'
import type { ConnectionPorts } from './connection-ports.js'
import type { ConnectionSource } from './connection-source.js'
import { type ConnectionState, nextState } from './connection-state.js'
import { type ConnectionDeadline, ConnectionTimers, type DeadlineOwner } from './connection-timers.js'
import { disconnectionOf } from './disconnection.js'
import { receive } from './handlers/index.js'
import { InputEnd } from './input-end.js'
import { ConnectionStream, type StreamOwner } from './stream/connection-stream.js'
import { Outbox, type OutboxOwner } from './stream/outbox.js'
import { PacketReader, type PacketReceiver } from './stream/packet-reader.js'

export class Connection implements ConnectingChannel, Link, PacketReceiver, StreamOwner, OutboxOwner, DeadlineOwner {
  readonly client: ChannelClient
  readonly ports: ConnectionPorts
  readonly traffic: ConnectionTraffic
  drops = 0
  place = -1
  connectedAt: number | undefined
  reauthentication: Reauthentication | undefined
  readonly stream: ConnectionStream
  /** The broker's open connections; this one is removed when it is completely closed. */
  readonly #open: Roster<Connection>
  readonly #protocol: ClientProtocol
  #session: Session | undefined
  /** Set while CONNECT is being answered. */
  #connect: ConnectProcess | undefined
  #state: ConnectionState = 'awaiting-connect'
  #wasConnected = false
  #ingress: Pipeline | undefined
  readonly reader: PacketReader
  readonly #outbox: Outbox
  /** Whether no more packets are handled, ever. */
  #readingStopped = false
  /** Set when the stream's input has ended. */
  #inputEnd: InputEnd | undefined
  /** The ending requested by the client's DISCONNECT. */
  #disconnectEnding: Ending | undefined
  readonly #timers: ConnectionTimers
  /** Set when the connection begins to end; resolves when it is completely closed. */
  #released: Promise<void> | undefined
  /** Called when the client closes its end after a takeover: so its connection was not lost. */
  #isAlive: (() => void) | undefined

  /** @param open the broker's connections, to which it is added */
  constructor(source: ConnectionSource, ports: ConnectionPorts, open: Roster<Connection>) {
    this.stream = new ConnectionStream(source.stream, this)
    this.client = new ChannelClient(this, source)
    this.ports = ports
    this.#open = open
    this.#protocol = new ClientProtocol(ports)
    this.traffic = new ConnectionTraffic(ports.traffic)
    this.reader = new PacketReader(source.stream, this, this.traffic, ports)
    this.#outbox = new Outbox(source, ports.flusher, this)
    this.#timers = new ConnectionTimers(ports.timers, ports.options, this)
    open.add(this)
  }

  /** Created with the first packet that needs it: many clients send none. */
  get ingress(): Pipeline {
    if (this.#ingress !== undefined) return this.#ingress
    const failed = (error: unknown) => this.fail(wrapError('ANAX_ERR_STORE', error))
    this.#ingress = new Pipeline(this.ports.options.maxConcurrentPackets, failed, () => this.#readOn())
    return this.#ingress
  }
  get session(): Session | undefined {
    return this.#session
  }
  get dialect(): Dialect {
    return this.#protocol.dialect
  }
  get parameters(): ConnectParameters {
    return this.#protocol.parameters
  }
  get version(): ProtocolVersion | undefined {
    return this.#protocol.version
  }
  get state(): ConnectionState {
    return this.#state
  }
  get unsentBytes(): number {
    return this.#outbox.bytes
  }
  get connecting(): boolean {
    return this.#state === 'connecting'
  }
  get connected(): boolean {
    return this.#state === 'connected'
  }
  get ready(): boolean {
    // a client whose input has ended cannot acknowledge: new messages are for its session, or for other clients
    return this.#outbox.ready && this.#state === 'connected' && this.#inputEnd === undefined
  }

  beginConnect(packet: ConnectPacket): void {
    this.#become('connecting')
    this.#protocol.setVersion(this.reader.decoder.protocolVersion)
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
    this.#protocol.setParameters(parameters)
  }
  setSession(session: Session): void {
    this.#session = session
    session.limitClient(this.client.limits)
    session.attach(this, Math.min(this.parameters.receiveMaximum, this.ports.options.maxInflight))
  }
  limitsChanged(): void {
    if (this.#state !== 'connected') return
    this.#session!.limitClient(this.client.limits)
    this.reader.limit(this.client.limits)
  }

  accept(): void {
    this.#wasConnected = true
    this.connectedAt = this.ports.timers.wallTime()
    this.reader.limit(this.client.limits)
    this.#become('connected')
    this.#timers.connected(this.parameters.keepalive)
  }
  connectAnswered(): void {
    this.#connect = undefined
    this.#protocol.keepParameters(keptParameters(this.parameters, this.ports.authorizer))
    this.resumeReading()
  }

  resolveTopicAlias(message: PublishMessage): AnaxError | undefined {
    return this.#protocol.resolveTopicAlias(message)
  }

  resumeReading(): void {
    if (this.#released === undefined) this.reader.resume()
  }
  send(packet: Packet): void {
    const frame = this.#protocol.packet(packet)
    if (frame !== undefined) this.#outbox.addAnswer(frame, packet.cmd)
    else if (packet.cmd !== 'connack' && packet.cmd !== 'disconnect') {
      // otherwise the client would wait for this packet forever
      this.fail(new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: packet.cmd.toUpperCase() }))
    }
  }

  fits(packet: Packet): boolean {
    return this.#protocol.packet(packet) !== undefined
  }
  write(frame: Frame, packetId: number): void {
    this.#outbox.add(frame, packetId)
  }
  frame(delivery: Delivery, attempt: 'first' | 'again'): Frame | Unsendable {
    return this.#protocol.publish(delivery, attempt)
  }

  fail(error: AnaxError, properties?: DisconnectProperties): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    const wasConnected = this.#state === 'connected'
    this.disconnect(error, properties)
    this.ports.events.emit(wasConnected ? 'clientError' : 'connectionError', this.client, error)
  }

  disconnect(error: AnaxError, properties?: DisconnectProperties, will: Ending['will'] = 'publish'): Promise<void> {
    this.ports.fairness.spend(Cost.disconnect)
    if (this.#state === 'connected') this.#sendDisconnect(error.reasonCode, properties)
    return this.end({ will, reason: error })
  }

  async takeOver(error: AnaxError, isAlive?: () => void): Promise<void> {
    if (this.#inputEnd === undefined && this.#released === undefined) this.#isAlive = isAlive
    if (this.#released === undefined) await this.#inputEnd?.wait()
    await this.disconnect(error)
  }

  disconnectReceived(ending: Ending): void {
    this.ports.fairness.spend(Cost.disconnect)
    this.#readingStopped = true
    this.#disconnectEnding = ending
  }

  end(fallback: Ending): Promise<void> {
    if (this.#released !== undefined) return this.#released
    const ending = this.#disconnectEnding ?? fallback
    this.#become('closing')
    this.#inputEnd?.release()
    this.#connect?.abort()
    this.reauthentication?.abort()
    this.reader.close()
    this.#outbox.finish()
    this.#timers.closing()
    this.stream.end(this.#isAlive === undefined ? 'close' : 'wait')
    // a client that was not accepted has no will
    this.#released = this.#releaseAll(this.#wasConnected ? ending : { ...ending, will: 'discard' })
    return this.#released
  }

  /** Stops reading packets. Resolves when all received packets are answered. */
  async stopReading(): Promise<void> {
    if (this.#inputEnd === undefined) this.#readingStopped = true
    else if (this.#released === undefined) return this.#inputEnd.wait()
    if (this.#state === 'connected') await this.#ingress?.settled()
  }

  async #releaseAll(ending: Ending): Promise<void> {
    // not immediately: the event that reports why the connection ended comes first
    await this.#connect?.done
    if (this.#ingress?.idle === false) await this.#ingress.settled()
    if (this.#session !== undefined) {
      const changed = this.#session.changesSettled()
      if (changed !== undefined) await changed
      await this.ports.sessions.release(this, ending)
      if (this.#wasConnected) this.ports.events.emit('clientDisconnect', this.client, disconnectionOf(ending))
    }
    this.#become('closed')
    this.#open.delete(this)
    this.ports.events.emitFrom(this.client, 'close')
  }

  #become(state: ConnectionState): void {
    this.#state = nextState(this.#state, state)
  }

  #sendDisconnect(reasonCode: number, properties?: DisconnectProperties): void {
    const packet = this.dialect.disconnect(reasonCode, properties)
    if (packet !== undefined) this.send(packet)
  }

  mayHandle(): boolean {
    if (this.#readingStopped || this.#outbox.isOverfull || this.#ingress?.full === true) return false
    if (this.#state === 'connected' || this.#state === 'awaiting-connect') return true
    return this.#state === 'connecting' && this.#connect!.awaitsPacket
  }
  isBehind(): boolean {
    return this.#session !== undefined && this.ports.router.isDelivering(this.#session.id)
  }
  mayReadAhead(): boolean {
    return this.#state === 'connecting'
  }

  handle(packet: DecodedPacket): void {
    receive(this, packet)
  }

  handledAll(): void {
    const unexpected = this.version === undefined ? firstPacketError(this.reader.decoder.packetType) : undefined
    if (unexpected !== undefined) this.fail(unexpected)
    else if (this.#inputEnd !== undefined) this.#endOfInput(this.#inputEnd.ending)
  }

  malformed(error: AnaxError): void {
    if (this.#state !== 'connected') {
      this.#protocol.setVersion(this.reader.decoder.protocolVersion)
      const answer = malformedFirstPacketAnswer(this.reader.decoder.packetType, this.dialect, error)
      if (answer !== undefined) this.send(answer)
    }
    this.fail(error)
  }

  /** Called when everything from the stream was read: the connection ends as soon as it is handled. */
  #endOfInput(ending: Ending): void {
    // a received DISCONNECT ends the connection itself, and CONNECT is answered first
    if (this.#readingStopped || this.#ingress?.idle === false) return
    if (this.#state === 'connecting' && !this.#connect!.awaitsPacket) return
    this.ports.fairness.spend(Cost.disconnect)
    this.#endAs(ending)
  }

  /** Called when the stream's input has ended. The end must not overtake the data that arrived before. */
  #inputEnds(reason: AnaxError | undefined): void {
    this.ports.fairness.spend(Cost.ended)
    if (this.#inputEnd !== undefined || this.#released !== undefined) return
    this.#inputEnd = new InputEnd({ will: 'publish', reason })
    // the client gave up during its CONNECT: nobody waits for the answer
    if (this.#state === 'connecting' && !this.reader.decoder.hasUnread) this.#giveUp(this.#inputEnd.ending)
    else this.reader.finish()
  }

  /** Aborts CONNECT as soon as a turn of the event loop has room: thousands of clients may disconnect at once. */
  async #giveUp(ending: Ending): Promise<void> {
    await this.ports.fairness.admit(Cost.disconnect)
    this.#endAs(ending)
  }

  #endAs({ will, reason }: Ending): void {
    if (reason === undefined) this.end({ will, reason })
    else this.fail(reason)
  }

  streamData(chunk: Buffer): void {
    if (this.#state === 'closing' || this.#state === 'closed') return
    this.#timers.received()
    this.reader.push(chunk)
  }
  streamDrained(): void {
    this.#timers.drained()
    this.#outbox.drained()
    if (!this.#outbox.blocked) this.ports.events.emitFrom(this.client, 'drain')
    this.outboxHasRoom()
    this.#readOn()
  }
  streamEnded(): void {
    this.#inputEnds(undefined)
  }
  streamClosed(): void {
    this.#breaks(undefined)
    if (this.#released === undefined) return
    this.#timers.stop()
    this.#isAlive?.()
    this.#isAlive = undefined
  }
  streamFailed(error: Error): void {
    // a reset: the client is not at the other end any more
    this.#isAlive = undefined
    if (this.#state !== 'closing' && this.#state !== 'closed') this.#breaks(wrapError('ANAX_ERR_STREAM', error))
  }

  outboxBlocked(): void {
    this.#timers.blocked()
    this.ports.events.emitFrom(this.client, 'blocked')
  }
  outboxHasRoom(): void {
    this.#session?.outgoing?.pump()
  }

  /** Called when the client neither sends nor reads any more: answers are dropped, and CONNECT is not answered. */
  #breaks(reason: AnaxError | undefined): void {
    this.#outbox.discard()
    this.#timers.drained()
    if (this.#state === 'connecting' && this.#inputEnd === undefined) this.#giveUp({ will: 'publish', reason })
    this.#inputEnds(reason)
  }

  /** Continues with packets that had to wait. */
  #readOn(): void {
    if (this.reader.isPaused() || this.#inputEnd !== undefined) this.resumeReading()
  }

  deadlinePassed(deadline: ConnectionDeadline): void {
    switch (deadline) {
      case 'connect':
        if (this.#connect !== undefined) this.#connect.timeOut()
        else this.fail(new AnaxError('ANAX_ERR_CONNECT_TIMEOUT'))
        break
      case 'keep-alive':
        // the client may be sending: the broker is not reading
        if (this.reader.isPaused() || this.#inputEnd !== undefined) {
          this.#timers.connected(this.parameters.keepalive)
          break
        }
        this.ports.events.emit('keepaliveTimeout', this.client)
        this.fail(new AnaxError('ANAX_ERR_KEEP_ALIVE'))
        break
      case 'drain':
        this.fail(new AnaxError('ANAX_ERR_DRAIN_TIMEOUT'))
        break
      case 'close':
        this.#isAlive = undefined
        this.stream.giveUp()
    }
  }
}
