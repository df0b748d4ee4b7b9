/**
 * A connection to a broker, or one sentence that says why there is none.
 * Owns the words for what the network says; publishes and subscribes nothing.
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

/** Why there is no connection, and whether it is worth another attempt. */
export class DialError extends CommandError {
  readonly isTemporary: boolean

  constructor(message: string, isTemporary: boolean) {
    super(message)
    this.isTemporary = isTemporary
  }
}

/** Code of Node.js -> words. */
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

/** Server unavailable, server busy, quota exceeded, connection rate exceeded: later it may be otherwise. */
const TEMPORARY_REFUSALS = new Set([0x88, 0x89, 0x97, 0x9f])

/** @throws DialError */
export async function dial({ url, tls, connect: options }: Target): Promise<Dialled> {
  const stream = await withinTime(url, openStream(url, { tls }))
  try {
    // the network gives no more than a chunk at a time, and each is written before the next is read
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
      return new DialError(`cannot connect to ${url}: what answers there does not speak MQTT`, true)
    case 'ANAX_ERR_TIMEOUT':
      return new DialError(`cannot connect to ${url}: no answer`, true)
    default:
      return new DialError(`cannot connect to ${url}: ${wordsFor(error)}`, true)
  }
}

/** The part of an error that still tells something once the connection is known. */
export function sentenceOf(message: string): string {
  const text = message.replace(/^The client is not connected: /, '')
  return text.charAt(0).toLowerCase() + text.slice(1)
}

/** The meaning of a network error; an attempt at several addresses fails with several. */
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
