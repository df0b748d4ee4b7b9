/**
 * Converts bytes to packets: splits the stream at the fixed headers (2.1), and passes each packet's content to its
 * decoder. Owns the chunks, the size limit and the first error, which is permanent; must not know a connection. Never
 * throws.
 */
import type { Packet, ProtocolVersion, PublishPacket } from '../../../types/message/packets.js'
import { AnaxError, wrapError } from '../../errors.js'
import { firstByteError, isFirstByte, PACKET_NAMES, PacketType, Sender } from '../packet-types.js'
import { markPayloadOwned, type PublishMessage, setReceivedPacket } from '../publish-message.js'
import { ChunkQueue } from '../wire/chunk-queue.js'
import { Frame, INLINE_PAYLOAD } from '../wire/frame.js'
import { putVarint } from '../wire/varint.js'
import { WireReader } from '../wire/wire-reader.js'
import { decodePublishAnswer, decodeSuback, decodeUnsuback } from './acknowledgement.js'
import { decodeConnect } from './connect.js'
import { decodePublish } from './publish.js'
import { decodeAuth, decodeConnack, decodeDisconnect } from './session.js'
import { decodeSubscribe, decodeUnsubscribe } from './subscribe.js'

/** A decoded packet. A PUBLISH is a {@link PublishMessage}, ready for the bus. */
export type DecodedPacket = Exclude<Packet, PublishPacket> | PublishMessage

/** Options of a {@link Decoder}. */
export interface DecoderOptions {
  /** The reading side: a broker reads packets of clients, and vice versa. */
  side: 'broker' | 'client'
  /** Largest packet in bytes, fixed header included. @default 268435460, what the protocol allows */
  maximumPacketSize?: number | undefined
  /** Maximum number of topic filters in one packet. @default Infinity */
  maximumFilters?: number | undefined
  /** The version before a CONNECT states it. @default 4 */
  protocolVersion?: ProtocolVersion | undefined
}

/** The largest packet that a fixed header can announce, including the header. */
const PROTOCOL_MAXIMUM = 268_435_460

const FIRST_BYTE = 0
const LENGTH = 1
const CONTENT = 2
const OVERSIZED_CONNECT = 3
const FAILED = 4

const EMPTY: Buffer = Buffer.alloc(0)

/** For chunks below this size, a copy of the unread rest would save nothing. */
const SHRINKABLE = 1024

/**
 * Packets are assembled while they arrive once this much of them is there. Smaller ones are joined at the end, which
 * takes a millisecond: what is joined before takes its memory twice until the garbage collector has run, for hundreds
 * of slow clients at once.
 */
const LARGE = 4 * 1024 * 1024

/** The largest packet that memory is allocated for, as a multiple of what has arrived of it. */
const MAX_ROOM_FACTOR = 32

/** Bytes of a CONNECT's content that are needed to answer one that is too large: protocol name and level. */
const CONNECT_5 = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 5])

/** Decoding is synchronous, so that all decoders can share one cursor. */
const reader = new WireReader()

/**
 * Decodes the packets of one peer from chunks of any size.
 * The caller pulls packets with {@link next}; chunks that are pushed in the meantime are kept.
 */
export class Decoder {
  /** Version of the following packets. A broker's decoder takes it from CONNECT as soon as it is read. */
  protocolVersion: ProtocolVersion
  /** Size limit of the following packets, in bytes. */
  maximumPacketSize: number
  readonly #maximumFilters: number
  readonly #sender: Sender
  /** The chunk being decoded, and the position in it. Later chunks are in the queue. */
  #chunk = EMPTY
  #pos = 0
  #queue: ChunkQueue | undefined = undefined
  #state = FIRST_BYTE
  #first = 0
  #remaining = 0
  #lengthBytes = 0
  #topic = ''
  /** Whether the PUBLISH has its own memory, because it was assembled while it arrived. */
  #isCollected = false
  /** Position in an oversized CONNECT. */
  #headRead = 0
  #error: AnaxError | undefined = undefined

  constructor({ side, maximumPacketSize = PROTOCOL_MAXIMUM, protocolVersion = 4, maximumFilters }: DecoderOptions) {
    this.#maximumFilters = maximumFilters ?? Number.POSITIVE_INFINITY
    this.#sender = side === 'broker' ? Sender.client : Sender.broker
    this.maximumPacketSize = maximumPacketSize
    this.protocolVersion = protocolVersion
  }

  /** The error of the stream. Nothing is decoded after it. */
  get error(): AnaxError | undefined {
    return this.#error
  }

  /** The first byte of the last packet begun; 0 before the first. */
  get firstByte(): number {
    return this.#first
  }

  /** The type of the last packet begun; undefined before the first. */
  get packetType(): PacketType | undefined {
    return this.#first === 0 ? undefined : ((this.#first >> 4) as PacketType)
  }

  /** Whether there are bytes that were not decoded yet. */
  get hasUnread(): boolean {
    return this.#pos < this.#chunk.length || (this.#queue !== undefined && this.#queue.length > 0)
  }

  /** The number of bytes that were not decoded yet. */
  get unreadBytes(): number {
    return this.#chunk.length - this.#pos + (this.#queue === undefined ? 0 : this.#queue.length)
  }

  /** Releases a chunk of which little is unread: the rest of the packet may take long to arrive. */
  shrink(): void {
    const left = this.#chunk.length - this.#pos
    if (this.#chunk.length < SHRINKABLE || left > this.#chunk.length >> 2) return
    this.#chunk = Buffer.from(this.#chunk.subarray(this.#pos))
    this.#pos = 0
  }

  /** Releases all chunks: nothing more is decoded. */
  close(): void {
    this.#state = FAILED
    this.#chunk = EMPTY
    this.#pos = 0
    this.#queue = undefined
  }

  /** Adds a chunk, which must not be changed afterwards: packets are views of it where possible. */
  push(chunk: Buffer): void {
    if (this.#state === FAILED) return
    if (this.#pos === this.#chunk.length && (this.#queue === undefined || this.#queue.length === 0)) {
      this.#chunk = chunk
      this.#pos = 0
    } else {
      this.#queue ??= new ChunkQueue()
      this.#queue.push(chunk)
    }
  }

  /** Decodes the next packet. Returns undefined if more bytes are needed, and after an {@link error}. */
  next(): DecodedPacket | undefined {
    while (this.#state !== FAILED) {
      if (this.#state === CONTENT) {
        const end = this.#pos + this.#remaining
        if (end <= this.#chunk.length) return this.#decode(end)
        if (!this.#join()) return undefined
      } else if (this.#pos === this.#chunk.length && !this.#shift()) {
        return undefined
      } else if (this.#state === FIRST_BYTE) {
        this.#readFirstByte(this.#chunk[this.#pos++]!)
      } else if (this.#state === LENGTH) {
        this.#readLengthByte(this.#chunk[this.#pos++]!)
      } else {
        this.#readOversizedConnect(this.#chunk[this.#pos++]!)
      }
    }
    return undefined
  }

  #readFirstByte(byte: number): void {
    this.#first = byte
    if (!isFirstByte(byte, this.#sender)) {
      const error = firstByteError(byte, this.#sender, this.protocolVersion)
      if (error !== undefined) {
        this.#fail(error)
        return
      }
    }
    this.#remaining = 0
    this.#lengthBytes = 0
    this.#state = LENGTH
  }

  #readLengthByte(byte: number): void {
    this.#remaining |= (byte & 0x7f) << (7 * this.#lengthBytes++)
    if (byte >= 0x80) {
      if (this.#lengthBytes === 4) this.#failMalformed('remaining length takes more than four bytes')
      return
    }
    if (this.#size() <= this.maximumPacketSize) this.#state = CONTENT
    else if (this.#first >> 4 === PacketType.CONNECT) this.#state = OVERSIZED_CONNECT
    else this.#failTooLarge()
  }

  /** Reads the version of a CONNECT that is too large, because the answer depends on it. */
  #readOversizedConnect(byte: number): void {
    const isAsExpected = byte === CONNECT_5[this.#headRead++]
    if (isAsExpected && this.#headRead < CONNECT_5.length) return
    if (isAsExpected) this.protocolVersion = 5
    this.#failTooLarge()
  }

  /** Decodes the packet whose content ends at `end` in the current chunk. */
  #decode(end: number): DecodedPacket | undefined {
    const start = this.#pos
    this.#pos = end
    this.#state = FIRST_BYTE
    reader.open(this.#chunk, start, end)
    reader.packet = this.#packetName()
    reader.protocolVersion = this.protocolVersion
    reader.sender = this.#sender
    reader.maximumFilters = this.#maximumFilters
    try {
      const packet = this.#decodeContent(start, end)
      if (reader.left > 0) throw reader.malformed(`${reader.left} bytes too many`)
      if (this.#lengthBytes > 1 && this.protocolVersion === 5) this.#checkLength()
      return packet
    } catch (error) {
      this.#fail(wrapError('ANAX_ERR_MALFORMED', error))
      return undefined
    }
  }

  #decodeContent(start: number, end: number): DecodedPacket {
    switch (this.#first >> 4) {
      case PacketType.PUBLISH: {
        const message = decodePublish(reader, this.#first, this.#topic)
        if (message.topic !== '') this.#topic = message.topic
        if (this.#isCollected) this.#setOwned(message)
        else if (message.properties === undefined) this.#setPacket(message, start, end)
        return message
      }
      case PacketType.PUBACK:
        return decodePublishAnswer(reader, PacketType.PUBACK, 'puback')
      case PacketType.PUBREC:
        return decodePublishAnswer(reader, PacketType.PUBREC, 'pubrec')
      case PacketType.PUBREL:
        return decodePublishAnswer(reader, PacketType.PUBREL, 'pubrel')
      case PacketType.PUBCOMP:
        return decodePublishAnswer(reader, PacketType.PUBCOMP, 'pubcomp')
      case PacketType.CONNECT:
        return this.#decodeConnect()
      case PacketType.CONNACK:
        return decodeConnack(reader)
      case PacketType.SUBSCRIBE:
        return decodeSubscribe(reader)
      case PacketType.SUBACK:
        return decodeSuback(reader)
      case PacketType.UNSUBSCRIBE:
        return decodeUnsubscribe(reader)
      case PacketType.UNSUBACK:
        return decodeUnsuback(reader)
      case PacketType.PINGREQ:
        return { cmd: 'pingreq' }
      case PacketType.PINGRESP:
        return { cmd: 'pingresp' }
      case PacketType.DISCONNECT:
        return decodeDisconnect(reader)
      default:
        return decodeAuth(reader)
    }
  }

  /** The payload need not be copied, however long it is kept. */
  #setOwned(message: PublishMessage): void {
    this.#isCollected = false
    markPayloadOwned(message)
  }

  /**
   * Stores the position of the whole packet, if it is in one chunk and its header is of minimal length. One with a
   * packet identifier is copied when it is sent, so it must not be large.
   */
  #setPacket(message: PublishMessage, start: number, end: number): void {
    const headerStart = start - 1 - this.#lengthBytes
    if (headerStart < 0 || !this.#isLengthShort()) return
    if (message.qos > 0 && message.payload.length > INLINE_PAYLOAD) return
    const idOffset = message.qos === 0 ? 0 : start - headerStart + this.#topicSize(start)
    const frame = new Frame(this.#chunk, headerStart, end, idOffset, undefined, message.payload.length)
    setReceivedPacket(message, frame, this.protocolVersion)
  }

  /** The bytes of the topic of a PUBLISH, with its length in front. */
  #topicSize(start: number): number {
    return 2 + ((this.#chunk[start]! << 8) | this.#chunk[start + 1]!)
  }

  /** Adopts the version even if the rest is invalid: the refusal must use the client's dialect. */
  #decodeConnect(): DecodedPacket {
    try {
      return decodeConnect(reader)
    } finally {
      this.protocolVersion = reader.protocolVersion
    }
  }

  /** Since 5.0 a length must use the fewest bytes [MQTT-1.5.5-1]. The version is not known before CONNECT is read. */
  #checkLength(): void {
    if (!this.#isLengthShort()) {
      throw reader.malformed('remaining length takes more bytes than it needs')
    }
  }

  /** Joins the chunks of a packet once all of it has arrived. */
  #join(): boolean {
    const queue = this.#queue
    if (queue === undefined) return false
    const have = this.#chunk.length - this.#pos
    const missing = this.#remaining - have - queue.length
    if (missing > 0) {
      if (have + queue.length >= LARGE) this.#collect(queue)
      return false
    }
    if (have === 0) {
      this.#shift()
      return true
    }
    const header = 1 + this.#lengthBytes
    const packet = Buffer.allocUnsafe(header + this.#remaining)
    packet[0] = this.#first
    if (this.#isLengthShort()) putVarint(packet, 1, this.#remaining)
    packet.set(this.#chunk.subarray(this.#pos), header)
    queue.read(packet.subarray(header + have))
    this.#chunk = packet
    this.#pos = header
    return true
  }

  /** Assembles a large packet while it arrives. Memory for all of it is allocated once enough of it is there. */
  #collect(queue: ChunkQueue): void {
    const head = this.#chunk.subarray(this.#pos)
    if (queue.isCollecting || (head.length + queue.length) * MAX_ROOM_FACTOR < this.#remaining) return
    queue.collect(head, this.#remaining)
    this.#chunk = EMPTY
    this.#pos = 0
    this.#isCollected = this.#first >> 4 === PacketType.PUBLISH
  }

  /** Advances to the next chunk. Without one, releases the last, so that an idle connection does not retain it. */
  #shift(): boolean {
    this.#pos = 0
    if (this.#queue === undefined || this.#queue.length === 0) {
      this.#chunk = EMPTY
      reader.close()
      return false
    }
    this.#chunk = this.#queue.shift()
    return true
  }

  /** The size of the whole packet, in bytes. */
  #size(): number {
    return 1 + this.#lengthBytes + this.#remaining
  }

  #isLengthShort(): boolean {
    return this.#lengthBytes === 1 || this.#remaining >= 1 << (7 * (this.#lengthBytes - 1))
  }

  #packetName(): string {
    return PACKET_NAMES[this.#first >> 4]!
  }

  #failMalformed(detail: string): void {
    this.#fail(new AnaxError('ANAX_ERR_MALFORMED', { detail: `${this.#packetName()}: ${detail}` }))
  }

  #failTooLarge(): void {
    const detail = `${this.#packetName()}: ${this.#size()} bytes, the maximum is ${this.maximumPacketSize}`
    this.#fail(new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail }))
  }

  #fail(error: AnaxError): void {
    this.#error = error
    this.close()
    reader.close()
  }
}
