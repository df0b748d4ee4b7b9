/**
 * Builds the stream messages that are written for one client in one step. Owns the mapping to subjects; does no I/O.
 */
import type { ClusterWrite } from '../../../types/cluster.js'
import type { Message } from '../../../types/message.js'
import { messageBytes } from '../message-bytes.js'
import { deadlineBytes } from '../nodes/deadlines.js'
import { type ShardSubjects, topicOf } from '../subjects.js'
import type { OutgoingRecord } from '../wire.js'

const NOTHING = new Uint8Array(0)
/** Seconds that the empty message stays which says that there is none any more. */
const REMOVED_SECONDS = 60

export interface WriteOptions {
  readonly subjects: ShardSubjects
  /** Undefined for a message of nobody. */
  readonly clientId: string | undefined
  /** Seconds that the log keeps a message. */
  readonly logSeconds: number
}

/** The message of the log comes first, if there is one. */
export function recordsOf(write: ClusterWrite, { subjects, clientId, logSeconds }: WriteOptions): OutgoingRecord[] {
  const records: OutgoingRecord[] = []
  const { message, records: changed, deadline } = write
  if (message !== undefined) records.push(...messageRecords(message, subjects, logSeconds))
  if (clientId === undefined) return records
  for (const [name, body] of Object.entries(changed ?? {})) {
    const subject = subjects.record(clientId, name)
    records.push(body === undefined ? removal(subject) : { subject, body, ttl: undefined, replaces: true })
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

/** The record of a subject that has none any more. */
export function removal(subject: string): OutgoingRecord {
  return { subject, body: NOTHING, ttl: REMOVED_SECONDS, replaces: true }
}

function messageRecords(message: Message, subjects: ShardSubjects, logSeconds: number): OutgoingRecord[] {
  const subject = subjects.log(message.topic)
  const isLong = topicOf(subject.slice(subjects.logOf('').length)) === undefined ? 'long' : 'short'
  const body = messageBytes(message, isLong)
  const left = secondsLeft(message)
  const log = { subject, body, ttl: Math.min(logSeconds, left ?? logSeconds), replaces: false }
  if (!message.retain) return [log]
  // an empty one takes away what any shard has, so it must outlive the others
  return [log, { subject: subjects.retained(message.topic), body, ttl: left, replaces: true }]
}

/** Seconds until it expires, rounded up, at least one. */
function secondsLeft({ messageExpiry }: Message): number | undefined {
  return messageExpiry === undefined ? undefined : Math.max(1, Math.ceil((messageExpiry - Date.now()) / 1000))
}
