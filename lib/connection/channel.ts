/**
 * A connection as packet handlers and the public client see it: what they can read of it, and what they can have it do.
 * A contract: the stream, its timers and the state machine are not known here.
 */
import type { AuthPacket, ConnectPacket, DisconnectProperties, Packet, ProtocolVersion } from '../../types/packets.js'
import type { Dialect } from '../codec/dialect.js'
import type { PublishMessage } from '../codec/publish-message.js'
import type { Frame } from '../codec/wire/frame.js'
import type { AnaxError } from '../errors.js'
import type { ConnectionTraffic } from '../model/metering/traffic.js'
import type { Session } from '../session/session.js'
import type { Ending, SessionOwner } from '../session/session-directory.js'
import type { Pipeline } from '../util/scheduling/pipeline.js'
import type { ConnectParameters } from './connect/connect-parameters.js'
import type { ConnectionPorts } from './connection-ports.js'
import type { ConnectionState } from './connection-state.js'

export interface Channel extends SessionOwner {
  readonly ports: ConnectionPorts
  readonly traffic: ConnectionTraffic
  readonly state: ConnectionState
  /** Whether CONNECT is being answered. */
  readonly connecting: boolean
  readonly connected: boolean
  /** Bytes that were not handed to the stream yet. */
  readonly unsentBytes: number
  readonly reader: {
    /** Bytes that the transport has received and not passed on. */
    heldByTransport: number
  }
  /** The client's protocol version; undefined until CONNECT arrives. */
  readonly version: ProtocolVersion | undefined
  readonly dialect: Dialect
  readonly parameters: ConnectParameters
  /** The pipeline of received packets. */
  readonly ingress: Pipeline
  /** The re-authentication that is under way. */
  reauthentication: Reauthentication | undefined

  /** CONNECT arrived. */
  beginConnect(packet: ConnectPacket): void
  /** AUTH arrived before CONNACK. */
  continueConnect(packet: AuthPacket): void
  /** Replaces a topic alias by its topic. @returns why there is no such alias */
  resolveTopicAlias(message: PublishMessage): AnaxError | undefined

  /** Writes a packet, shortened to what the client accepts. */
  send(packet: Packet): void
  /** Writes an encoded packet. @param packetId for the frame's hole, if it has one */
  write(frame: Frame, packetId: number): void
  /** The client has other limits than before. */
  limitsChanged(): void
  /** Decodes what the client sent behind CONNECT or behind an AUTH packet. */
  resumeReading(): void

  /** Ends the connection because of an error: sends DISCONNECT where the version has one, and tells the host. */
  fail(error: AnaxError, properties?: DisconnectProperties): void
  disconnect(error: AnaxError, properties?: DisconnectProperties, will?: Ending['will']): Promise<void>
  /** DISCONNECT arrived: nothing more is read, and however the connection ends, this is its ending [MQTT-3.14.4-3]. */
  disconnectReceived(ending: Ending): void
  /** Ends the connection and sends nothing. Resolves once its session is released. */
  end(ending: Ending): Promise<void>
}

/** The connection while CONNECT is being answered. */
export interface ConnectingChannel extends Channel {
  setParameters(parameters: ConnectParameters): void
  /** Whether a packet is within the client's Maximum Packet Size. */
  fits(packet: Packet): boolean
  /** The session is open and attached, and has to be released when the connection ends. */
  setSession(session: Session): void
  /** The client is accepted: the state is `connected`. */
  accept(): void
  /** CONNECT is answered: goes on with what the client sent behind it. */
  connectAnswered(): void
}

/** An enhanced authentication of a client that is connected. */
export interface Reauthentication {
  /** The client's next AUTH. @returns what is wrong with it */
  receive(packet: AuthPacket): AnaxError | undefined
  /** The connection ends. */
  abort(): void
}
