/** One connection of a client, packet by packet: knows the protocol and no sessions. */
import { connect as connectSocket, type Socket } from 'node:net'
import { type DecodedPacket, Decoder, encode } from '../../../lib/codec/index.js'
import type { ConnectPacket, Packet, ProtocolVersion } from '../../../types/message/packets.js'

/** Longer than a broker takes to answer, unless it was just killed. */
const PATIENCE_MS = 5000

/** The callbacks of a connection. */
export interface LinkListener {
  /** Called with the packets of one chunk, CONNACK included: they can be recorded together. */
  received(packets: readonly DecodedPacket[], link: Link): void
}

export class Link {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #version: ProtocolVersion
  /** Whether the broker has sent DISCONNECT. */
  #isEnded = false

  private constructor(socket: Socket, version: ProtocolVersion) {
    this.#socket = socket
    this.#version = version
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
  }

  /**
   * Connects.
   * @returns undefined if there is no broker, or it refused
   */
  static async open(port: number, packet: ConnectPacket, listener: LinkListener): Promise<Link | undefined> {
    const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => {})
    const link = new Link(socket, packet.protocolVersion)
    link.send(packet)
    const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
    const isAccepted = await Promise.race([link.#read(listener), link.closed.then(() => false)])
    clearTimeout(timer)
    if (isAccepted) return link
    socket.destroy()
    return undefined
  }

  /**
   * Passes packets on.
   * @returns whether the first packet is a CONNACK that accepts the client
   */
  #read(listener: LinkListener): Promise<boolean> {
    const decoder = new Decoder({ side: 'client', protocolVersion: this.#version })
    return new Promise(resolve => {
      this.#socket.on('data', chunk => {
        decoder.push(chunk)
        const packets: DecodedPacket[] = []
        for (let next = decoder.next(); next !== undefined; next = decoder.next()) packets.push(next)
        if (packets.some(isRefusal)) return resolve(false)
        if (packets.some(({ cmd }) => cmd === 'disconnect')) this.#isEnded = true
        if (packets.length > 0) {
          resolve(true)
          listener.received(packets, this)
        }
        if (decoder.error !== undefined) this.#socket.destroy(decoder.error)
      })
    })
  }

  send(...packets: Packet[]): void {
    if (packets.length === 0 || this.#socket.destroyed) return
    this.#socket.write(Buffer.concat(packets.map(packet => encode(packet, this.#version))))
  }

  /** Sends the acknowledgements. */
  answer(packets: readonly DecodedPacket[]): void {
    this.send(...packets.map(answerTo).filter(answer => answer !== undefined))
  }

  /** Breaks the connection without DISCONNECT; resolves when it is broken. */
  drop(): Promise<void> {
    this.#socket.destroy()
    return this.closed
  }

  /**
   * Disconnects as the standard demands; resolves when the connection has ended.
   * @returns whether the broker has certainly read DISCONNECT: it closed the connection in time, and had not ended it
   * itself, as a node does that has lost its lease
   */
  async disconnect(): Promise<boolean> {
    if (this.#socket.destroyed) return false
    this.send({ cmd: 'disconnect' })
    let isInTime = true
    const timer = setTimeout(() => {
      isInTime = false
      this.#socket.destroy()
    }, PATIENCE_MS)
    await this.closed
    clearTimeout(timer)
    return isInTime && !this.#isEnded
  }
}

function isRefusal(packet: DecodedPacket): boolean {
  return packet.cmd === 'connack' && (packet.reasonCode ?? packet.returnCode ?? 0) !== 0
}

/** Whether the broker refuses a message. */
export function isRefused({ reasonCode = 0 }: { readonly reasonCode?: number | undefined }): boolean {
  return reasonCode >= 0x80
}

/** The answer that the standard demands, if any. */
function answerTo(packet: DecodedPacket): Packet | undefined {
  switch (packet.cmd) {
    case 'publish':
      if (packet.qos === 0) return undefined
      return { cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! }
    case 'pubrec':
      // an error code ends the exchange
      return isRefused(packet) ? undefined : { cmd: 'pubrel', messageId: packet.messageId }
    case 'pubrel':
      return { cmd: 'pubcomp', messageId: packet.messageId }
    default:
      return undefined
  }
}

/** Whether a filter of SUBSCRIBE or UNSUBSCRIBE was refused, as happens while the engine does not answer. */
export function isFilterRefused({ granted }: { readonly granted: readonly number[] }): boolean {
  return granted.some(code => code >= 0x80)
}

/** A CONNECT that resumes the session. */
export function connectPacket(clientId: string, version: ProtocolVersion): ConnectPacket {
  const packet = { cmd: 'connect', clientId, protocolVersion: version, clean: false, keepalive: 0 } as const
  if (version !== 5) return { ...packet, protocolId: 'MQTT' }
  return { ...packet, protocolId: 'MQTT', properties: { sessionExpiryInterval: 3600 } }
}
