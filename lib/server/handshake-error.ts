/**
 * The error of a handshake that failed before MQTT, in words for whoever mixed up ports or certificates. Must not know
 * listeners.
 */
import { AnaxError } from '../index.js'

/** What OpenSSL, or the HTTP parser of Node.js, adds to an error. */
type Cause = Error & { code?: string; reason?: string; rawPacket?: Uint8Array }

/** Sent by a client that does not trust the certificate. The rest of the text depends on the release of OpenSSL. */
const CERTIFICATE_REFUSED = / alert (unknown ca|bad certificate|certificate unknown|certificate expired)$/

/** First bytes of a client that does not speak HTTP. */
const FIRST_BYTES: Readonly<Record<number, string>> = {
  16: 'the client may speak MQTT without WebSocket',
  22: 'the client may use TLS',
}

/** The error ANAX_ERR_HANDSHAKE for a TLS handshake that failed. */
export function tlsError(cause: Cause): AnaxError {
  const { reason = cause.message } = cause
  return handshakeError('TLS', cause, reason, tlsMeaning(cause, reason))
}

/** The error ANAX_ERR_HANDSHAKE for a request that is not HTTP, or did not come in full. */
export function httpError(cause: Cause): AnaxError {
  const { message, code, rawPacket } = cause
  const meaning = code === 'HPE_INVALID_METHOD' ? FIRST_BYTES[rawPacket?.[0] ?? 0] : undefined
  return handshakeError('HTTP', cause, message, meaning)
}

/** Whether an error that an `https.Server` reports is one of HTTP: it reports those of TLS with the same event. */
export function isOfHttp({ code }: Cause): boolean {
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' || code?.startsWith('HPE_') === true
}

function handshakeError(what: string, cause: Error, reason: string, meaning: string | undefined): AnaxError {
  const explained = meaning === undefined ? reason : `${reason} (${meaning})`
  return new AnaxError('ANAX_ERR_HANDSHAKE', { detail: `${what}: ${explained}`, cause })
}

function tlsMeaning({ code }: Cause, reason: string): string | undefined {
  if (reason === 'wrong version number') return 'the client may not use TLS'
  if (CERTIFICATE_REFUSED.test(reason)) return 'the client does not accept the certificate'
  // clients in Node.js do not say why they end the handshake
  if (code === 'ECONNRESET') return 'a health check, or the client does not accept the certificate'
  return undefined
}
