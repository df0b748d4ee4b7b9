/**
 * `clientCertificate`: the identity of a client from the certificate of its TLS connection. Owns the options and the
 * check of revocation lists; the handshake has verified the chain.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { TLSSocket } from 'node:tls'
import type { Client } from '../../../types/client/client.js'
import type { Clock } from '../../../types/clock.js'
import { ReasonCode } from '../../index.js'
import { Auth } from '../auth.js'
import type { DenialCode } from '../hooks/denials.js'
import { type ProvenSubject, subjectClient } from '../identity.js'
import { type AuthOptions, authOptions, checkChoice, clockOf, optionError } from '../options.js'
import type { Attempt, Authenticator, Outcome, Refused } from '../parts.js'
import { type CertificateIdentity, fingerprintOf, namesOf } from './names.js'
import { identifyCertificate, parseRevocationLists, type RevocationList } from './revocation-list.js'

/** The requirements for a certificate, and the part of it that is the identity. */
export interface ClientCertificateOptions extends AuthOptions {
  /**
   * The user name: the common name of the subject, an alternative name (DNS, URI, email), or the SHA-256 fingerprint.
   * The certificate must have exactly one value of that kind. @default 'cn'
   */
  identity?: CertificateIdentity
  /** A field of CONNECT that must equal the identity. @default nothing */
  mustEqual?: 'username' | 'clientId'
  /**
   * The accepted certificates, by SHA-256 fingerprint, with or without colons. @default all that the handshake accepts
   */
  fingerprints?: readonly string[]
  /** A file with revocation lists (PEM or DER), read again at each reload. @default none */
  crl?: string
}

/**
 * Accepts clients whose certificate the TLS handshake accepted; the listener must request it with `requestCert` and
 * `ca`. Clients without TLS or without a certificate are left to other modules.
 * @throws AnaxError ANAX_ERR_OPTION for an invalid option, or an unreadable list
 */
export function clientCertificate(options: ClientCertificateOptions = {}): Auth {
  const { identity = 'cn', mustEqual } = options
  if (!['cn', 'dns', 'uri', 'email', 'fingerprint'].includes(identity)) {
    throw optionError("identity is 'cn', 'dns', 'uri', 'email' or 'fingerprint'")
  }
  checkChoice('mustEqual', mustEqual, ['username', 'clientId'])
  return new Auth({ authenticator: new CertificateAuthenticator(options, clockOf(options)) }, authOptions(options))
}

class CertificateAuthenticator implements Authenticator {
  readonly name = 'certificate'
  readonly #options: ClientCertificateOptions
  readonly #clock: Clock
  readonly #fingerprints: ReadonlySet<string> | undefined
  readonly #listeners: (() => void)[] = []
  #lists: readonly RevocationList[]

  constructor(options: ClientCertificateOptions, clock: Clock) {
    const { fingerprints } = options
    this.#options = options
    this.#clock = clock
    this.#fingerprints = fingerprints && new Set(fingerprints.map(text => text.replaceAll(':', '').toLowerCase()))
    this.#lists = readLists(options.crl)
  }

  authenticate({ client, username }: Attempt): Outcome {
    const certificate = certificateOf(client)
    if (certificate === undefined) return undefined
    if (certificate === 'unusable') return this.#refused('certificate-unusable')
    const fault = this.#faultOf(certificate)
    if (fault !== undefined) return this.#refused(fault)
    const names = namesOf(certificate, this.#options.identity ?? 'cn')
    const [name] = names
    if (name === undefined || names.length > 1) return this.#refused('certificate-unusable')
    const { mustEqual } = this.#options
    const claimed = mustEqual === 'username' ? username : client.id
    if (mustEqual !== undefined && claimed !== name) return this.#refused('identity-mismatch')
    return { identity: { username: name }, by: this, proof: certificate }
  }

  stillKnows(subject: ProvenSubject): boolean {
    const client = subjectClient(subject)
    const certificate = subject.proof ?? (client && certificateOf(client))
    return certificate instanceof X509Certificate && this.#faultOf(certificate) === undefined
  }

  reload(): void {
    this.#lists = readLists(this.#options.crl)
    for (const listener of this.#listeners) listener()
  }

  watch(listener: () => void): void {
    this.#listeners.push(listener)
  }

  /** An outdated list may lack a revoked certificate, so all certificates of its issuer are refused. */
  #faultOf(certificate: X509Certificate): DenialCode | undefined {
    if (this.#fingerprints?.has(fingerprintOf(certificate)) === false) return 'certificate-unusable'
    if (this.#lists.length === 0) return undefined
    const { issuer, serial } = identifyCertificate(certificate.raw)
    for (const list of this.#lists) {
      if (list.issuer !== issuer) continue
      if (list.revoked.has(serial)) return 'certificate-revoked'
      if (list.nextUpdate !== undefined && list.nextUpdate <= this.#clock.now()) return 'revocation-list-expired'
    }
    return undefined
  }

  #refused(denied: DenialCode): Refused {
    return { denied, by: this, refusal: { reasonCode: ReasonCode.NotAuthorized } }
  }
}

/**
 * The certificate that the handshake accepted; `unusable` if it did not and the listener allowed the connection
 * nevertheless.
 */
function certificateOf({ conn, req }: Pick<Client, 'conn' | 'req'>): X509Certificate | 'unusable' | undefined {
  const socket = (req?.socket ?? conn) as Partial<TLSSocket>
  if (typeof socket.getPeerX509Certificate !== 'function') return undefined
  const certificate = socket.getPeerX509Certificate()
  if (certificate === undefined) return undefined
  return socket.authorized === true ? certificate : 'unusable'
}

function readLists(crl: string | undefined): RevocationList[] {
  if (crl === undefined) return []
  let content: Buffer
  try {
    content = readFileSync(crl)
  } catch (cause) {
    throw optionError(`cannot read ${crl}`, cause)
  }
  return parseRevocationLists(content, crl)
}
