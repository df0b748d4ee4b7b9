/** The content of a store as records for a file: their kinds, and their format as lines of JSON. Knows no store. */

import type { Message } from '../../types/message/message.js'
import type { MessageRef, QueueDelivery, StoredSession, StoredWill } from '../../types/persistence.js'
import { AnaxError } from '../index.js'

/** The first record of a file. */
export interface HeaderRecord {
  kind: 'anax-export'
  /** Version of the format. */
  version: 1
}

/** A session with its subscriptions and packet ids. Its queue follows, one record for each message. */
export interface SessionRecord extends StoredSession {
  kind: 'session'
}

/** A message in the queue of a session, in the order of the queue. */
export interface QueuedRecord extends QueueDelivery {
  kind: 'queued'
  ref: MessageRef
  /** Undefined if the client has received it with QoS 2, and only its release is left. */
  message: Message | undefined
  /** Undefined if it was not sent. */
  packetId: number | undefined
}

/** A will, with its due time in milliseconds since the epoch, undefined while its client is connected. */
export interface WillRecord {
  kind: 'will'
  clientId: string
  will: StoredWill
  dueAt: number | undefined
}

/** A retained message. */
export interface RetainedRecord {
  kind: 'retained'
  message: Message
}

/** One record of an export. */
export type StoreRecord = HeaderRecord | SessionRecord | QueuedRecord | WillRecord | RetainedRecord

const KINDS: readonly unknown[] = [
  'anax-export',
  'session',
  'queued',
  'will',
  'retained',
] satisfies StoreRecord['kind'][]
const VERSION = 1

/** The record that a file begins with. */
export const HEADER: HeaderRecord = { kind: 'anax-export', version: VERSION }

/** A record as a line of JSON, without the end of the line. Bytes are objects with a field `$bytes` in base64. */
export function lineOf(record: StoreRecord): string {
  return JSON.stringify(record, function (this: Record<string, unknown>, name, value) {
    const original = this[name]
    return Buffer.isBuffer(original) ? { $bytes: original.toString('base64') } : value
  })
}

/**
 * The record in a line.
 * @param number the number of the line, for the error
 * @throws AnaxError ANAX_ERR_ARGUMENT if it is not a record
 */
export function recordIn(line: string, number: number): StoreRecord {
  const record = parse(line, number)
  if (typeof record !== 'object' || record === null || !KINDS.includes((record as { kind?: unknown }).kind)) {
    throw wrongLine(number, 'no record of an export')
  }
  const { version } = record as { version?: unknown }
  if (version !== undefined && version !== VERSION) throw wrongLine(number, `format ${version} is not known`)
  return record as StoreRecord
}

/**
 * The records in lines, the first of which must be the header.
 * @throws AnaxError ANAX_ERR_ARGUMENT for a line that is not a record
 */
export async function* recordsIn(lines: AsyncIterable<string> | Iterable<string>): AsyncGenerator<StoreRecord> {
  let number = 0
  for await (const line of lines) {
    number++
    if (line === '') continue
    const record = recordIn(line, number)
    if (number === 1 && record.kind !== 'anax-export') throw wrongLine(number, 'no header of an export')
    yield record
  }
}

function parse(line: string, number: number): unknown {
  try {
    return JSON.parse(line, (_name, value) => {
      const bytes = (value as { $bytes?: unknown } | null)?.$bytes
      return typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : value
    })
  } catch {
    throw wrongLine(number, 'no JSON')
  }
}

function wrongLine(number: number, what: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail: `line ${number}: ${what}` })
}
