/**
 * How TLS is set up: safe defaults, sessions that can be resumed, and certificates that are replaced while running.
 * Knows `node:tls`; knows no broker.
 */
import { randomBytes } from 'node:crypto'
import tls, { type TlsOptions } from 'node:tls'
import { AnaxError } from '../index.js'

/** Key, certificate and the rest as `node:tls` takes them, or a function that reads them, asked again by `reload()`. */
export type TlsSource = TlsOptions | (() => TlsOptions | Promise<TlsOptions>)

/**
 * Forward secrecy and authenticated encryption only: all of TLS 1.3, and of TLS 1.2 what has ECDHE with AES-GCM or
 * ChaCha20-Poly1305.
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

/** How many bytes `node:tls` wants for the keys of session tickets. */
const TICKET_KEY_BYTES = 48

export class TlsSettings {
  readonly #source: TlsSource
  readonly #handshakeTimeoutMs: number
  /** The same for all certificates, so that a session can be resumed after a reload. */
  readonly #ticketKeys = randomBytes(TICKET_KEY_BYTES)

  constructor(source: TlsSource, handshakeTimeoutMs: number) {
    this.#source = source
    this.#handshakeTimeoutMs = handshakeTimeoutMs
  }

  /**
   * The options for a server; reads key and certificate anew where a function gives them.
   * @throws AnaxError ANAX_ERR_LISTEN where they are not acceptable
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
