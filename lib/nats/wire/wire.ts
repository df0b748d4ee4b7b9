/**
 * The requests to a NATS server, one function each: writes, and reads from the leader or any replica. Owns the requests
 * and the meaning of answers; must not know the content of messages.
 */
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'
import { AnaxError } from '../../index.js'
import { Requests } from './requests.js'

/** A message to be written. */
export interface OutgoingRecord {
  readonly subject: string
  readonly body: Uint8Array
  /** Seconds until it expires. */
  readonly ttl: number | undefined
  /** Whether it replaces the earlier messages of the subject. */
  readonly replaces: boolean
}

/** A message of a stream. */
export interface StoredRecord {
  readonly subject: string
  readonly sequence: number
  readonly body: Uint8Array
  /** Milliseconds since the epoch, by the clock of the leader. */
  readonly time: number
}

/** The last messages of several subjects, and the sequence that the answering replica has reached. */
export interface LastRecords {
  readonly records: StoredRecord[]
  readonly upTo: number
}

/** Codes of the server's errors. */
export const ServerError = {
  WrongLastSequence: [10071, 10164],
  /** The batch was written before. */
  Duplicate: [10201],
  /** To be retried: no leader, too many requests, an incomplete batch, or an earlier attempt in progress. */
  Busy: [503, 429, 408, 10008, 10009, 10158, 10176, 10210],
  Full: [10077, 10023, 10047],
  NotFound: [10037, 404],
} as const

/** A negative answer. */
export class RefusedRequest extends Error {
  readonly code: number

  constructor(code: number, description: string) {
    super(description)
    this.code = code
  }

  is(codes: readonly number[]): boolean {
    return codes.includes(this.code)
  }
}

/** The expectations of a write, and its identity. */
export interface WriteOptions {
  /** The last sequence of a subject. */
  readonly expect?: { readonly subject: string; readonly sequence: number }
  /** The stream stores only the first of several messages with the same id within two minutes. */
  readonly id?: string
}

interface Acknowledgement {
  readonly seq: number
  readonly duplicate?: boolean
}

/** One of several messages of an answer. */
interface Part {
  readonly record: StoredRecord
  /** 0 for a stored message. */
  readonly code: number
  readonly description: string
  /** The sequences of this message and of the one before, as the server wrote them. */
  readonly sequence: string
  readonly before: string
  /** Of the last message: how many did not fit into the answer, and what the replica has reached. */
  readonly pending: number
  readonly upTo: number
}

const EMPTY = new Uint8Array(0)
/** Maximum bytes of the headers of a message, which the server counts as well. */
const HEADER_BYTES = 1024
/** Maximum number of messages in one answer. */
const PAGE = 500
/** Codes at the end of an answer of several messages. */
const END = 204
const NOTHING_FOUND = 404
const TOO_MANY_MATCHES = 413
const NOBODY_ANSWERS = 503
/** Time limit for a read. */
const PATIENCE_MS = 3000

/** The NATS package, which is loaded late. */
export interface WireParts {
  headers(): MsgHdrs
  createInbox(): string
  /** The prefix of the management's subjects. */
  readonly api: string
}

export class Wire {
  readonly nc: NatsConnection
  readonly #parts: WireParts
  /** Ends the waiting flushes when the connection is closed; created with the first one. */
  #flushing: Set<() => void> | undefined
  #batches = 0
  readonly #requests: Requests

  constructor(nc: NatsConnection, parts: WireParts) {
    this.nc = nc
    this.#parts = parts
    this.#requests = new Requests(nc, parts.createInbox)
  }

  /**
   * Resolves when the server has received everything that was sent before, or when the connection is closed, because
   * the flush of NATS would then wait forever. Rejects when the connection breaks.
   */
  flush(): Promise<void> {
    const flushing = this.#openFlushes()
    return new Promise((resolve, reject) => {
      flushing.add(resolve)
      this.nc
        .flush()
        .then(resolve, reject)
        .finally(() => flushing.delete(resolve))
    })
  }

  /**
   * Registers one handler for the end of the connection, shared by all flushes, because handlers stay as long as the
   * connection.
   */
  #openFlushes(): Set<() => void> {
    if (this.#flushing !== undefined) return this.#flushing
    const flushing = new Set<() => void>()
    this.#flushing = flushing
    this.nc.closed().then(() => {
      for (const resolve of flushing) resolve()
    })
    return flushing
  }

  /** Writes one message. @returns its sequence */
  write(record: OutgoingRecord, options: WriteOptions, timeoutMs: number): Promise<Acknowledgement> {
    const headers = this.#headersOf(record, options)
    return this.#requests.one(record.subject, record.body, { headers, timeoutMs }).then(acknowledged)
  }

  /** Writes several messages of one stream, all or none. @returns the sequence of the last; the others are right before it */
  async writeAll(
    records: readonly OutgoingRecord[],
    options: WriteOptions,
    timeoutMs: number,
  ): Promise<Acknowledgement> {
    const batch = `${this.nc.info?.client_id}-${process.pid}-${Date.now()}-${++this.#batches}`
    for (const [index, record] of records.entries()) {
      const headers = this.#headersOf(record, index === 0 ? options : {})
      headers.set('Nats-Batch-Id', batch)
      headers.set('Nats-Batch-Sequence', String(index + 1))
      if (index === records.length - 1) {
        headers.set('Nats-Batch-Commit', '1')
        return acknowledged(await this.#requests.one(record.subject, record.body, { headers, timeoutMs }))
      }
      this.nc.publish(record.subject, record.body, { headers })
    }
    throw new RangeError('nothing to write')
  }

  /** Asks another process. @returns its answer; undefined if nobody is there */
  async ask(subject: string, question: string, timeoutMs: number): Promise<string | undefined> {
    const answer = await this.#requests.one(subject, question, { timeoutMs })
    return isFromNobody(answer) ? undefined : answer.string()
  }

  /** The last message of a subject, from the leader. */
  async last(stream: string, subject: string): Promise<StoredRecord | undefined> {
    return await this.#get(stream, { last_by_subj: subject })
  }

  /** The first message from a sequence on that a subject (with wildcards) matches, from the leader. */
  async next(stream: string, from: number, subject: string): Promise<StoredRecord | undefined> {
    return await this.#get(stream, { seq: from, next_by_subj: subject })
  }

  /** The message with a sequence, from the leader. */
  async at(stream: string, sequence: number): Promise<StoredRecord | undefined> {
    return await this.#get(stream, { seq: sequence })
  }

  /** The last sequence of a stream, from the leader. */
  async end(stream: string): Promise<number> {
    const info = await this.#request<{ state: { last_seq: number } }>(`STREAM.INFO.${stream}`, undefined)
    return info.state.last_seq
  }

  /**
   * The last message of each subject that matches the given ones, from any replica. At least one must exist.
   * @param range messages before `from` are omitted; `maxBytes` limits the answer, by default to what the server sends
   * at once
   * @returns `too many` if they are too many, or too large, for one answer
   */
  async lastOf(
    stream: string,
    subjects: readonly string[],
    { from, maxBytes }: { readonly from?: number; readonly maxBytes?: number } = {},
  ): Promise<LastRecords | 'too many'> {
    const records: StoredRecord[] = []
    const query = { multi_last: subjects, seq: from, max_bytes: maxBytes, batch: 2000 }
    for (const part of await this.#direct(stream, query)) {
      const { code, pending, upTo, record } = part
      if (code === TOO_MANY_MATCHES || (code === END && pending > 0)) return 'too many'
      if (code === END) return { records, upTo }
      refuse(part)
      records.push(record)
    }
    throw new Error('the answer has no end')
  }

  /** Some of the messages of a subject from a sequence on, from any replica, which may be behind. */
  async nextOf(stream: string, from: number, subject: string): Promise<StoredRecord[]> {
    const records: StoredRecord[] = []
    for (const part of await this.#direct(stream, { seq: from, next_by_subj: subject, batch: PAGE })) {
      if (part.code === END || part.code === NOTHING_FOUND) break
      refuse(part)
      records.push(part.record)
    }
    return records
  }

  /** Sends a request to the JetStream API. */
  async #request<T>(path: string, body: object | undefined): Promise<T> {
    const subject = `${this.#parts.api}.${path}`
    const question = body === undefined ? EMPTY : JSON.stringify(body)
    return accepted<T>(await this.#requests.one(subject, question, { timeoutMs: PATIENCE_MS }))
  }

  async #get(stream: string, query: object): Promise<StoredRecord | undefined> {
    try {
      const { message } = await this.#request<{
        message: { subject: string; seq: number; data?: string; time: string }
      }>(`STREAM.MSG.GET.${stream}`, query)
      const { subject, seq, data, time } = message
      return {
        subject,
        sequence: seq,
        body: data === undefined ? EMPTY : Buffer.from(data, 'base64'),
        time: Date.parse(time),
      }
    } catch (error) {
      if (error instanceof RefusedRequest && error.is(ServerError.NotFound)) return undefined
      throw error
    }
  }

  /** Reads all messages of an answer, the last of which has a status code. */
  async #direct(stream: string, query: object): Promise<Part[]> {
    const subject = `${this.#parts.api}.DIRECT.GET.${stream}`
    const answers = await this.#requests.many(subject, JSON.stringify(query), { timeoutMs: PATIENCE_MS })
    const parts = answers.map(partOf)
    if (parts.at(-1)?.code === NOBODY_ANSWERS) throw new RefusedRequest(NOBODY_ANSWERS, 'no replica answers')
    if (!isWhole(parts)) throw new Error(`an answer of ${stream} has a gap`)
    return parts
  }

  #headersOf({ subject, ttl, replaces }: OutgoingRecord, { expect, id }: WriteOptions): MsgHdrs {
    const headers = this.#parts.headers()
    const isOwn = expect?.subject === subject
    if (ttl !== undefined) headers.set('Nats-TTL', `${ttl}s`)
    // where no message is expected, there is none to replace
    if (replaces && !(isOwn && expect.sequence === 0)) headers.set('Nats-Rollup', 'sub')
    if (id !== undefined) headers.set('Nats-Msg-Id', id)
    if (expect !== undefined) {
      headers.set('Nats-Expected-Last-Subject-Sequence', String(expect.sequence))
      if (!isOwn) headers.set('Nats-Expected-Last-Subject-Sequence-Subject', expect.subject)
    }
    return headers
  }
}

/** Maximum bytes of the body of a message. */
export function maxBodyBytes({ info }: NatsConnection): number {
  return (info?.max_payload ?? 1_048_576) - HEADER_BYTES
}

/** Whether the client of NATS refused to send the message. */
export function isInvalid(error: unknown): boolean {
  return error instanceof Error && /^Invalid(Argument|Subject)Error$/.test(error.name)
}

/** Converts an error of NATS to an AnaxError. */
export function clusterError(cause: unknown, detail?: string): AnaxError {
  if (cause instanceof AnaxError) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  return new AnaxError('ANAX_ERR_CLUSTER', { detail: detail === undefined ? text : `${detail}: ${text}`, cause })
}

function acknowledged(answer: Msg): Acknowledgement {
  return accepted<Acknowledgement>(answer)
}

/** @throws RefusedRequest */
function accepted<T>(answer: Msg): T {
  if (isFromNobody(answer)) throw new RefusedRequest(NOBODY_ANSWERS, 'nobody answers')
  const content = answer.json<T & { error?: { err_code?: number; code: number; description: string } }>()
  const { error } = content
  if (error) throw new RefusedRequest(error.err_code ?? error.code, error.description)
  return content
}

/** Whether the server says that nobody listens to a request. */
function isFromNobody({ data, headers }: Msg): boolean {
  return data.length === 0 && headers?.code === NOBODY_ANSWERS
}

/** Whether no message is missing: each one names its predecessor. Messages may be missing after a reconnect. */
function isWhole(parts: readonly Part[]): boolean {
  let last = '0'
  for (const { before, sequence } of parts) {
    if (before !== '' && before !== last) return false
    last = sequence
  }
  return true
}

function refuse({ code, description }: Part): void {
  if (code > 0) throw new RefusedRequest(code, description)
}

/** Reads the headers once: a search for each of them takes longer. */
function partOf({ headers, data }: Msg): Part {
  let [subject, sequence, before, time, pending, upTo] = ['', '', '', '', '', '']
  for (const [name, [value = '']] of headers ?? []) {
    if (name === 'Nats-Subject') subject = value
    else if (name === 'Nats-Sequence') sequence = value
    else if (name === 'Nats-Last-Sequence') before = value
    else if (name === 'Nats-Time-Stamp') time = value
    else if (name === 'Nats-Num-Pending') pending = value
    else if (name === 'Nats-UpTo-Sequence') upTo = value
  }
  return {
    record: { subject, sequence: Number(sequence), body: data, time: Date.parse(time) },
    code: headers?.code ?? 0,
    description: headers?.description ?? '',
    sequence,
    before,
    pending: Number(pending),
    upTo: Number(upTo || before),
  }
}
