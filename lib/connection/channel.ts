/**
 * A connection as packet handlers and the public client see it: its state, and the operations that they need. A
 * contract: the stream, its timers and the state machine are not known here.
 */
import type {
  AuthPacket,
  ConnectPacket,
  DisconnectProperties,
  Packet,
  ProtocolVersion,
} from '../../types/message/packets.js'
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
  /** Bytes that were not written to the stream yet. */
  readonly unsentBytes: number
  readonly reader: {
    /** Bytes that the transport has received and not passed on yet. */
    heldByTransport: number
  }
  /** The client's protocol version; undefined until CONNECT arrives. */
  readonly version: ProtocolVersion | undefined
  readonly dialect: Dialect
  readonly parameters: ConnectParameters
  /** The pipeline of received packets. */
  readonly ingress: Pipeline
  /** The pending re-authentication. */
  reauthentication: Reauthentication | undefined

  /** Begins to answer CONNECT. */
  beginConnect(packet: ConnectPacket): void
  /** Handles an AUTH packet before CONNACK. */
  continueConnect(packet: AuthPacket): void
  /** Replaces a topic alias with its topic. @returns the error if there is no such alias */
  resolveTopicAlias(message: PublishMessage): AnaxError | undefined

  /** Writes a packet, shortened to what the client accepts. */
  send(packet: Packet): void
  /** Writes an encoded packet. @param packetId for the frame's hole, if it has one */
  write(frame: Frame, packetId: number): void
  /** Called when the limits of the client have changed. */
  limitsChanged(): void
  /** Decodes what the client sent after CONNECT or after an AUTH packet. */
  resumeReading(): void

  /** Ends the connection because of an error: sends DISCONNECT where the version has one, and tells the host. */
  fail(error: AnaxError, properties?: DisconnectProperties): void
  disconnect(error: AnaxError, properties?: DisconnectProperties, will?: Ending['will']): Promise<void>
  /** Notes a DISCONNECT: nothing more is read, and however the connection ends, this is its ending [MQTT-3.14.4-3]. */
  disconnectReceived(ending: Ending): void
  /** Ends the connection without sending anything. Resolves once its session is released. */
  end(ending: Ending): Promise<void>
}

/** The connection while CONNECT is being answered. */
export interface ConnectingChannel extends Channel {
  setParameters(parameters: ConnectParameters): void
  /** Whether a packet is within the client's Maximum Packet Size. */
  fits(packet: Packet): boolean
  /** Sets the session, which is open and attached, and has to be released when the connection ends. */
  setSession(session: Session): void
  /** Accepts the client: the state becomes `connected`. */
  accept(): void
  /** Called when CONNECT is answered: continues with what the client sent after it. */
  connectAnswered(): void
}

/** An enhanced authentication of a connected client. */
export interface Reauthentication {
  /** Handles the client's next AUTH. @returns the error if it is invalid */
  receive(packet: AuthPacket): AnaxError | undefined
  /** Aborts it, because the connection ends. */
  abort(): void
}
