/** One connection of a client, packet by packet: knows the protocol's bytes and nothing of sessions. */
import { connect as connectSocket, type Socket } from 'node:net'
import { type DecodedPacket, Decoder, encode } from '../../../lib/codec/index.js'
import type { ConnectPacket, Packet, ProtocolVersion } from '../../../types/message/packets.js'

/** Longer than a broker takes to answer, unless it has just been killed. */
const PATIENCE_MS = 5000

/** What a connection tells its owner. */
export interface LinkListener {
  /** Called with what came in one piece, CONNACK included: it can be noted at once. */
  received(packets: readonly DecodedPacket[], link: Link): void
}

export class Link {
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #version: ProtocolVersion
  /** Whether the broker said that it ends the connection. */
  #isEnded = false

  private constructor(socket: Socket, version: ProtocolVersion) {
    this.#socket = socket
    this.#version = version
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
  }

  /** Connects. @returns undefined where the broker was not there, or refused */
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

  /** Hands on what comes. @returns whether the first thing that comes is a CONNACK that accepts */
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

  /** Answers what is to be answered. */
  answer(packets: readonly DecodedPacket[]): void {
    this.send(...packets.map(answerTo).filter(answer => answer !== undefined))
  }

  /** Breaks the line without a word; resolves when it is broken. */
  drop(): Promise<void> {
    this.#socket.destroy()
    return this.closed
  }

  /**
   * Ends the connection as the standard wants it; resolves when it is over. @returns whether the broker has read
   * DISCONNECT for certain: it closed the connection in time, and had not ended it before, as a node does that lost its
   * lease
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

/** Whether the broker says no to a message. */
export function isRefused({ reasonCode = 0 }: { readonly reasonCode?: number | undefined }): boolean {
  return reasonCode >= 0x80
}

/** What the standard has a client answer, if anything. */
function answerTo(packet: DecodedPacket): Packet | undefined {
  switch (packet.cmd) {
    case 'publish':
      if (packet.qos === 0) return undefined
      return { cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! }
    case 'pubrec':
      // a refusal ends the exchange
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

/** A CONNECT that goes on with the session there is. */
export function connectPacket(clientId: string, version: ProtocolVersion): ConnectPacket {
  const packet = { cmd: 'connect', clientId, protocolVersion: version, clean: false, keepalive: 0 } as const
  if (version !== 5) return { ...packet, protocolId: 'MQTT' }
  return { ...packet, protocolId: 'MQTT', properties: { sessionExpiryInterval: 3600 } }
}
