/** One connection of a client, packet by packet: knows the protocol's bytes and nothing of sessions. */
import { connect as connectSocket, type Socket } from 'node:net'
import { type DecodedPacket, Decoder, encode } from '../../lib/codec/index.js'
import type { ConnackPacket, ConnectPacket, Packet, ProtocolVersion } from '../../types/packets.js'

/** Longer than a broker takes to answer, unless it has just been killed. */
const PATIENCE_MS = 5000

/** What a connection tells its owner. */
export interface LinkListener {
  packet(packet: DecodedPacket, link: Link): void
}

export class Link {
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #version: ProtocolVersion

  private constructor(socket: Socket, version: ProtocolVersion) {
    this.#socket = socket
    this.#version = version
    this.closed = new Promise(resolve => socket.once('close', () => resolve()))
  }

  /** Connects. @returns undefined where the broker was not there, or refused */
  static async open(
    port: number,
    packet: ConnectPacket,
    listener: LinkListener,
  ): Promise<{ link: Link; connack: ConnackPacket } | undefined> {
    const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => {})
    const link = new Link(socket, packet.protocolVersion)
    const connack = await new Promise<ConnackPacket | undefined>(resolve => {
      const timer = setTimeout(() => socket.destroy(), PATIENCE_MS)
      const decoder = new Decoder({ side: 'client', protocolVersion: packet.protocolVersion })
      let isConnected = false
      socket.on('data', chunk => {
        decoder.push(chunk)
        for (let next = decoder.next(); next !== undefined; next = decoder.next()) {
          if (isConnected) {
            listener.packet(next, link)
          } else if (next.cmd === 'connack') {
            isConnected = true
            clearTimeout(timer)
            resolve(next)
          }
        }
        if (decoder.error !== undefined) socket.destroy(decoder.error)
      })
      socket.once('close', () => {
        clearTimeout(timer)
        resolve(undefined)
      })
      link.send(packet)
    })
    if (connack === undefined || (connack.reasonCode ?? connack.returnCode ?? 0) !== 0) {
      socket.destroy()
      return undefined
    }
    return { link, connack }
  }

  send(...packets: Packet[]): void {
    if (this.#socket.destroyed) return
    this.#socket.write(Buffer.concat(packets.map(packet => encode(packet, this.#version))))
  }

  /** Breaks the line without a word. */
  drop(): void {
    this.#socket.destroy()
  }

  /** Ends the connection as the standard wants it; resolves when the broker has closed it. */
  async disconnect(): Promise<void> {
    this.send({ cmd: 'disconnect' })
    const timer = setTimeout(() => this.drop(), PATIENCE_MS)
    await this.closed
    clearTimeout(timer)
  }
}

/** A CONNECT that goes on with the session there is. */
export function connectPacket(clientId: string, version: ProtocolVersion): ConnectPacket {
  const packet = { cmd: 'connect', clientId, protocolVersion: version, clean: false, keepalive: 0 } as const
  if (version !== 5) return { ...packet, protocolId: 'MQTT' }
  return { ...packet, protocolId: 'MQTT', properties: { sessionExpiryInterval: 3600 } }
}
