/**
 * TLS settings: secure defaults, session resumption, and certificates that are replaced at run time.
 * Knows `node:tls`; must not know a broker.
 */
import { randomBytes } from 'node:crypto'
import tls, { type TlsOptions } from 'node:tls'
import { AnaxError } from '../index.js'

/** Options of `node:tls`, or a function that returns them, which `reload()` calls again. */
export type TlsSource = TlsOptions | (() => TlsOptions | Promise<TlsOptions>)

/**
 * Cipher suites with forward secrecy and authenticated encryption: all of TLS 1.3, and those of TLS 1.2 with ECDHE and
 * AES-GCM or ChaCha20-Poly1305.
 */
const CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
].join(':')

/** Length of the session ticket keys of `node:tls`, in bytes. */
const TICKET_KEY_BYTES = 48

export class TlsSettings {
  readonly #source: TlsSource
  readonly #handshakeTimeoutMs: number
  /** Constant across certificates, so that a session can be resumed after a reload. */
  readonly #ticketKeys = randomBytes(TICKET_KEY_BYTES)

  constructor(source: TlsSource, handshakeTimeoutMs: number) {
    this.#source = source
    this.#handshakeTimeoutMs = handshakeTimeoutMs
  }

  /**
   * Returns the options for a server; calls the function for key and certificate if there is one.
   * @throws AnaxError ANAX_ERR_LISTEN if they are not usable
   */
  async read(): Promise<TlsOptions> {
    try {
      const options = typeof this.#source === 'function' ? await this.#source() : this.#source
      const settings = {
        handshakeTimeout: this.#handshakeTimeoutMs,
        minVersion: 'TLSv1.2',
        ciphers: CIPHERS,
        ticketKeys: this.#ticketKeys,
        ...options,
      } satisfies TlsOptions
      tls.createSecureContext(settings)
      return settings
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new AnaxError('ANAX_ERR_LISTEN', { detail: `key or certificate not acceptable (${reason})`, cause })
    }
  }
}
