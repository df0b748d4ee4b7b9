/**
 * Reads the database of Mosquitto (`mosquitto.db`) as records. Owns its format: version 6, which Mosquitto 2.0 writes,
 * on a machine with little-endian numbers. Knows no store.
 */
import type { Message } from '../../types/message/message.js'
import type { QoS } from '../../types/message/packets.js'
import type { StoredSession } from '../../types/persistence.js'
import { type DecodedPacket, Decoder } from '../codec/index.js'
import { AnaxError } from '../index.js'
import { HEADER, type QueuedRecord, type StoreRecord } from './records.js'

const MAGIC = Buffer.from('\0\xb5\0mosquitto db', 'latin1')
const VERSION_AT = MAGIC.length + 4
const CHUNKS_AT = VERSION_AT + 4
const FORMAT = 6

/** The content of a chunk. */
const Chunk = { message: 2, entry: 3, retained: 4, subscription: 5, session: 6 } as const

/** States of an entry whose message was sent, or has only its release left; in other states it waits. */
const SENT: readonly number[] = [2, 3, 4, 5]
const RELEASED: readonly number[] = [6, 9]
const OUTGOING = 1
/** Received with QoS 2, and not yet released. */
const AWAITS_RELEASE = 7

const NEVER_EXPIRES = 0xffff_ffff
/** The broker id of the imported messages. */
const BROKER_ID = 'mosquitto'

/** Whether a file is a database of Mosquitto, of any version. */
export function isMosquittoDatabase(file: Buffer): boolean {
  return file.subarray(0, MAGIC.length).equals(MAGIC)
}

/**
 * Reads a database that Mosquitto 2.0 wrote when it stopped: sessions, subscriptions, queues and retained messages. It
 * has no wills and no shared subscriptions.
 * @param file the whole content of `mosquitto.db`
 * @throws AnaxError ANAX_ERR_ARGUMENT for another file, another version, or a damaged file
 */
export function* readMosquitto(file: Buffer): Generator<StoreRecord> {
  if (!isMosquittoDatabase(file)) throw unreadable('it is no database of Mosquitto')
  const format = file.length < CHUNKS_AT ? 0 : file.readUInt32BE(VERSION_AT)
  if (format !== FORMAT) throw unreadable(`format ${format} is not known, only ${FORMAT} (Mosquitto 2.0)`)
  const database = new Database()
  try {
    for (let at = CHUNKS_AT; at < file.length; ) {
      const [kind, length] = [file.readUInt32BE(at), file.readUInt32BE(at + 4)]
      const content = file.subarray(at + 8, at + 8 + length)
      if (content.length < length) throw new RangeError('the file is truncated')
      database.add(kind, new Fields(content))
      at += 8 + length
    }
  } catch (error) {
    throw error instanceof AnaxError ? error : unreadable(error instanceof Error ? error.message : String(error))
  }
  yield* database.records()
}

class Database {
  readonly #messages = new Map<bigint, Message>()
  readonly #sessions = new Map<string, StoredSession>()
  readonly #queues = new Map<string, QueuedRecord[]>()
  readonly #retained: Message[] = []

  add(kind: number, fields: Fields): void {
    if (kind === Chunk.message) this.#addMessage(fields)
    else if (kind === Chunk.session) this.#addSession(fields)
    else if (kind === Chunk.entry) this.#addEntry(fields)
    else if (kind === Chunk.subscription) this.#addSubscription(fields)
    else if (kind === Chunk.retained) {
      const message = this.#messages.get(fields.id())
      if (message !== undefined) this.#retained.push({ ...message, retain: true })
    }
  }

  *records(): Generator<StoreRecord> {
    yield HEADER
    for (const message of this.#retained) yield { kind: 'retained', message }
    for (const session of this.#sessions.values()) {
      yield { kind: 'session', ...session }
      yield* this.#queues.get(session.clientId) ?? []
    }
  }

  #addMessage(fields: Fields): void {
    const id = fields.id()
    const expiry = fields.seconds()
    const payloadBytes = fields.uint32()
    fields.skip(2)
    const [idBytes, nameBytes, topicBytes] = [fields.uint16(), fields.uint16(), fields.uint16()]
    fields.skip(2)
    const [qos, retain] = [fields.byte() as QoS, fields.byte() !== 0]
    const [clientId, username] = [fields.text(idBytes), fields.text(nameBytes)]
    const topic = fields.bytes(topicBytes)
    const payload = fields.bytes(payloadBytes)
    const message: Message = {
      cmd: 'publish',
      brokerId: BROKER_ID,
      brokerCounter: Number(id),
      topic: topic.toString(),
      payload: Buffer.from(payload),
      qos,
      retain,
      dup: false,
      messageId: undefined,
      clientId: clientId === '' ? undefined : clientId,
      properties: fields.rest().length === 0 ? undefined : propertiesIn(topic, fields.rest()),
      messageExpiry: expiry === 0 ? undefined : expiry * 1000,
    }
    if (username !== '') message.username = username
    this.#messages.set(id, message)
  }

  #addSession(fields: Fields): void {
    const expiresAt = fields.seconds()
    const expiryInterval = fields.uint32()
    fields.skip(2)
    const idBytes = fields.uint16()
    fields.skip(2)
    const nameBytes = fields.uint16()
    fields.skip(4)
    const [clientId, username] = [fields.text(idBytes), fields.text(nameBytes)]
    const isForever = expiryInterval === NEVER_EXPIRES || expiresAt === 0
    const session: StoredSession = {
      clientId,
      expiryInterval,
      expiresAt: isForever ? undefined : expiresAt * 1000,
      subscriptions: [],
      incoming: [],
    }
    if (username !== '') session.details = { username }
    this.#sessions.set(clientId, session)
  }

  #addEntry(fields: Fields): void {
    const message = this.#messages.get(fields.id())
    const [packetId, idBytes] = [fields.uint16(), fields.uint16()]
    const [qos, state, flags, direction] = [fields.byte(), fields.byte(), fields.byte(), fields.byte()]
    const clientId = fields.text(idBytes)
    const session = this.#sessions.get(clientId)
    if (session === undefined) return
    if (direction !== OUTGOING) {
      if (state === AWAITS_RELEASE) session.incoming.push(packetId)
      return
    }
    if (message === undefined) return
    const isReleased = RELEASED.includes(state)
    const queue = this.#queues.get(clientId) ?? []
    queue.push({
      kind: 'queued',
      clientId,
      qos: qos as QoS,
      retain: flags >> 4 !== 0,
      subscriptionIdentifiers: undefined,
      share: undefined,
      ref: { brokerId: BROKER_ID, brokerCounter: message.brokerCounter },
      message: isReleased ? undefined : message,
      packetId: isReleased || SENT.includes(state) ? packetId : undefined,
    })
    this.#queues.set(clientId, queue)
  }

  #addSubscription(fields: Fields): void {
    const identifier = fields.uint32()
    const [idBytes, topicBytes] = [fields.uint16(), fields.uint16()]
    const [qos, options] = [fields.byte() as QoS, fields.byte()]
    fields.skip(2)
    const [clientId, topic] = [fields.text(idBytes), fields.text(topicBytes)]
    this.#sessions.get(clientId)?.subscriptions.push({
      topic,
      qos,
      nl: (options & 4) !== 0,
      rap: (options & 8) !== 0,
      rh: ((options >> 4) & 3) as 0 | 1 | 2,
      ...(identifier > 0 && { subscriptionIdentifier: identifier }),
    })
  }
}

/** Reads the fields of a chunk, one after the other. @throws RangeError if the chunk is too short */
class Fields {
  readonly #content: Buffer
  #at = 0

  constructor(content: Buffer) {
    this.#content = content
  }

  byte(): number {
    return this.bytes(1).readUInt8()
  }

  uint16(): number {
    return this.bytes(2).readUInt16BE()
  }

  uint32(): number {
    return this.bytes(4).readUInt32BE()
  }

  /** The number of a message, in the machine's byte order. */
  id(): bigint {
    return this.bytes(8).readBigUInt64LE()
  }

  /** A time in seconds since the epoch, in the machine's byte order. */
  seconds(): number {
    return Number(this.bytes(8).readBigInt64LE())
  }

  text(length: number): string {
    return this.bytes(length).toString()
  }

  bytes(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#content.length) throw new RangeError('a record is truncated')
    const bytes = this.#content.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  skip(length: number): void {
    this.bytes(length)
  }

  rest(): Buffer {
    return this.#content.subarray(this.#at)
  }
}

/** Decodes properties in the form of a PUBLISH: a PUBLISH is created from them, and decoded. */
function propertiesIn(topic: Buffer, properties: Buffer): Message['properties'] {
  const content = Buffer.concat([Buffer.from([topic.length >> 8, topic.length & 0xff]), topic, properties])
  const length: number[] = []
  for (let left = content.length; length.length === 0 || left > 0; left >>>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
  }
  const decoder = new Decoder({ side: 'client', protocolVersion: 5 })
  decoder.push(Buffer.concat([Buffer.from([0x30, ...length]), content]))
  const packet: DecodedPacket | undefined = decoder.next()
  if (packet?.cmd !== 'publish') throw new RangeError('properties that cannot be read')
  return packet.properties
}

function unreadable(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail: `mosquitto.db: ${detail}` })
}
