/**
 * Builds the stream messages that are written for one client in one step. Owns the mapping to subjects; does no I/O.
 */
import type { ClusterWrite } from '../../../types/cluster.js'
import type { Message } from '../../../types/message/message.js'
import { AnaxError } from '../../index.js'
import { deadlineBytes } from '../nodes/deadlines.js'
import { messageBytes } from '../wire/message-bytes.js'
import { isTooLong, type ShardSubjects, topicOf } from '../wire/subjects.js'
import type { OutgoingRecord } from '../wire/wire.js'
import { CLIENT_ID, type PartCounts, partsOf } from './record-parts.js'

const NOTHING = new Uint8Array(0)
/** How long an empty message marks a removed record, in seconds. */
const REMOVED_SECONDS = 60

export interface WriteOptions {
  readonly subjects: ShardSubjects
  /** Undefined for a message without a client. */
  readonly clientId: string | undefined
  /** Seconds that the log keeps a message. */
  readonly logSeconds: number
  /** Maximum bytes of one message of the engine; a larger record is split. */
  readonly maxBodyBytes: number
  /** The parts of the client's stored records. */
  readonly partCounts: PartCounts
}

/**
 * The message of the log comes first, if there is one.
 * @throws AnaxError ANAX_ERR_PACKET_TOO_LARGE for a message that is too large for the engine
 */
export function recordsOf(write: ClusterWrite, options: WriteOptions): OutgoingRecord[] {
  const { subjects, clientId, maxBodyBytes, partCounts } = options
  const records: OutgoingRecord[] = []
  const { message, records: changed, deadline } = write
  if (message !== undefined) records.push(...messageRecords(message, options))
  if (clientId === undefined) return records
  for (const [name, body] of Object.entries(changed ?? {})) {
    for (const part of partsOf(name, body, maxBodyBytes, partCounts)) {
      const subject = subjects.record(clientId, part.name)
      records.push(
        part.body === undefined ? removal(subject) : { subject, body: part.body, ttl: undefined, replaces: true },
      )
    }
  }
  if (changed !== undefined && isTooLong(clientId)) {
    const subject = subjects.record(clientId, CLIENT_ID)
    records.push(
      partCounts.size === 0
        ? removal(subject)
        : { subject, body: Buffer.from(clientId), ttl: undefined, replaces: true },
    )
  }
  if (deadline !== undefined) {
    const subject = subjects.deadline(clientId)
    const { at } = deadline
    records.push(
      at === undefined
        ? removal(subject)
        : { subject, body: deadlineBytes({ clientId, at }), ttl: undefined, replaces: true },
    )
  }
  return records
}

/** The record that marks a removed one. */
export function removal(subject: string): OutgoingRecord {
  return { subject, body: NOTHING, ttl: REMOVED_SECONDS, replaces: true }
}

function messageRecords(message: Message, { subjects, logSeconds, maxBodyBytes }: WriteOptions): OutgoingRecord[] {
  const subject = subjects.log(message.topic)
  const isLong = topicOf(subject.slice(subjects.logOf('').length)) === undefined ? 'long' : 'short'
  const body = messageBytes(message, isLong)
  if (body.length > maxBodyBytes) {
    throw new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: `the engine takes ${maxBodyBytes} bytes` })
  }
  const left = secondsLeft(message)
  const log = { subject, body, ttl: Math.min(logSeconds, left ?? logSeconds), replaces: false }
  if (!message.retain) return [log]
  // an empty one deletes the message of any shard, so it must outlive the others
  return [log, { subject: subjects.retained(message.topic), body, ttl: left, replaces: true }]
}

/** Seconds until it expires, rounded up, at least one. */
function secondsLeft({ messageExpiry }: Message): number | undefined {
  return messageExpiry === undefined ? undefined : Math.max(1, Math.ceil((messageExpiry - Date.now()) / 1000))
}
