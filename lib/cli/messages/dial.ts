/**
 * Connects to a broker, or explains in one sentence why it cannot. Owns the texts for network errors; publishes and
 * subscribes nothing.
 */
import type { Duplex } from 'node:stream'
import { AnaxError, connect, type MqttConnection, openStream } from '../../client/index.js'
import { CommandError } from '../command-error.js'
import type { Target } from './client-options.js'

const DIAL_TIMEOUT_MS = 10_000

/** A connection with the stream below it. */
export interface Dialled {
  connection: MqttConnection
  stream: Duplex
}

/** The error if there is no connection, and whether another attempt makes sense. */
export class DialError extends CommandError {
  readonly isTemporary: boolean

  constructor(message: string, isTemporary: boolean) {
    super(message)
    this.isTemporary = isTemporary
  }
}

/** Error code of Node.js -> text. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up at the moment',
  ENOENT: 'there is no such socket',
  EACCES: 'no permission',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/**
 * Refusals after which a later attempt may succeed: server unavailable, server busy, quota exceeded, connection rate
 * exceeded.
 */
const TEMPORARY_REFUSALS = new Set([0x88, 0x89, 0x97, 0x9f])

/** @throws DialError */
export async function dial({ url, tls, connect: options }: Target): Promise<Dialled> {
  const stream = await withinTime(url, openStream(url, { tls }))
  try {
    // reads one chunk at a time, and writes it before reading the next
    return { connection: await connect(stream, { ...options, maxBuffered: Number.MAX_SAFE_INTEGER }), stream }
  } catch (error) {
    throw refused(url, error)
  }
}

async function withinTime(url: string, opening: Promise<Duplex>): Promise<Duplex> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DialError(`cannot connect to ${url}: no answer`, true)), DIAL_TIMEOUT_MS)
  })
  try {
    return await Promise.race([opening, timeout])
  } catch (error) {
    throw error instanceof DialError ? error : new DialError(`cannot connect to ${url}: ${wordsFor(error)}`, true)
  } finally {
    clearTimeout(timer)
  }
}

function refused(url: string, error: unknown): DialError {
  const { code, reasonCode, message } = error as AnaxError
  switch (error instanceof AnaxError && code) {
    case 'ANAX_ERR_REFUSED':
      return new DialError(`${url}: ${sentenceOf(message)}`, TEMPORARY_REFUSALS.has(reasonCode ?? 0))
    case 'ANAX_ERR_MALFORMED':
    case 'ANAX_ERR_PROTOCOL':
      return new DialError(`cannot connect to ${url}: the answer is not MQTT`, true)
    case 'ANAX_ERR_TIMEOUT':
      return new DialError(`cannot connect to ${url}: no answer`, true)
    default:
      return new DialError(`cannot connect to ${url}: ${wordsFor(error)}`, true)
  }
}

/** The part of an error message that is useful when the connection is known. */
export function sentenceOf(message: string): string {
  const text = message.replace(/^The client is not connected: /, '')
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** The text for a network error. An attempt at several addresses fails with several errors. */
export function wordsFor(error: unknown): string {
  const causes = error instanceof Error ? [error, error.cause] : []
  const codes = causes.map(cause => (cause as { code?: string } | undefined)?.code ?? '')
  if (codes.some(code => UNTRUSTED.has(code))) {
    return 'its certificate is not trusted. Give --ca FILE, or --insecure to accept it'
  }
  const known = codes.find(code => Object.hasOwn(REASONS, code))
  if (known !== undefined) return REASONS[known]!
  const { message = String(error) } = (causes.findLast(cause => cause instanceof Error) as Error | undefined) ?? {}
  return message.replaceAll(/\s+/g, ' ')
}
