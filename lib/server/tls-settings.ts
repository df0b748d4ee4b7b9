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
      checkPresence(options)
      tls.createSecureContext(settings)
      return settings
    } catch (cause) {
      throw new AnaxError('ANAX_ERR_LISTEN', {
        detail: `key or certificate not acceptable (${reasonOf(cause)})`,
        cause,
      })
    }
  }
}

/** `node:tls` opens a listener without a certificate as well; each handshake would fail. */
function checkPresence({ key, cert, ca, pfx, SNICallback, pskCallback, privateKeyIdentifier }: TlsOptions): void {
  if (ca !== undefined && ![ca].flat().every(each => each.includes('-----BEGIN'))) throw new Error(`ca: ${NO_PEM}`)
  if (pfx || SNICallback || pskCallback) return
  if (!cert) throw new Error('cert is missing, the certificate')
  if (!key && !privateKeyIdentifier) throw new Error('key is missing, the private key of the certificate')
}

const NO_PEM = "this is no PEM, which has a line '-----BEGIN …': give the content of a file, not its name"

/** Error code of Node.js -> message, for common mistakes. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_OSSL_PEM_NO_START_LINE: NO_PEM,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the key belongs to another certificate',
  ERR_OSSL_UNSUPPORTED: 'the key is no private key that can be read',
  ERR_OSSL_BAD_DECRYPT: 'the key is encrypted, and the passphrase is missing or wrong',
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const code = 'code' in cause ? String(cause.code) : ''
  return Object.hasOwn(REASONS, code) ? REASONS[code]! : cause.message
}
