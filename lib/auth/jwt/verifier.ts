/**
 * Verifies tokens with the package `jose`: algorithms, keys, issuer. Owns that an algorithm is never used with a key of
 * another kind; must not know the meaning of claims.
 */
import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../../../types/clock.js'
import type { DenialCode } from '../hooks/denials.js'
import { optionError } from '../options.js'
import { readText } from '../util/files.js'
import { demandPackage, missingPackage } from '../util/optional.js'

/** A key in the format of RFC 7517. Releases of `@types/node` disagree about the place of their type. */
export interface JsonWebKey {
  kty?: string
  kid?: string
  alg?: string
  use?: string
  [parameter: string]: unknown
}

/** A set of public keys in the format of RFC 7517. */
export interface KeySet {
  keys: readonly JsonWebKey[]
}

/** The requirements for a token. */
export interface TokenOptions {
  /** The accepted algorithms, all symmetric (`HS…`) or all asymmetric: `['RS256', 'ES256']`. */
  algorithms: readonly string[]
  /** A secret for `HS…`, at least as long as the hash; otherwise a public key: PEM, JWK or KeyObject. */
  key?: string | Uint8Array | KeyObject | JsonWebKey
  /** The same from a file, read again at each reload. */
  keyFile?: string
  /** Public keys: a set, or its URL (https, or http on this machine), fetched when needed, cached and renewed. */
  jwks?: KeySet | string | URL
  /** Time limit of a request to the URL, in milliseconds. @default 5000 */
  jwksTimeoutMs?: number
  /** How long fetched keys are used, in milliseconds; then they are fetched again. @default 600000 */
  jwksMaxAgeMs?: number
  /** Minimum time between two requests for an unknown key identifier, in milliseconds. @default 30000 */
  jwksCooldownMs?: number
  /** The required issuer. @default any */
  issuer?: string | readonly string[]
  /** The required audience. @default any */
  audience?: string | readonly string[]
  /** Tolerated difference between clocks, in seconds. @default 0 */
  clockToleranceS?: number
  /** Whether a token must have an expiry (`exp`). @default true */
  requireExpiry?: boolean
}

export type Verified = { claims: Readonly<Record<string, unknown>> } | { denied: DenialCode }

const SYMMETRIC = ['HS256', 'HS384', 'HS512']
const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

/** A key as `jose` accepts it. */
type Keys = KeyObject | (() => never)

interface RemoteKeys {
  reload(): Promise<void>
}

const PURPOSE = 'jwt()'

async function loadJose() {
  try {
    return await import('jose')
  } catch (cause) {
    throw missingPackage('jose', PURPOSE, cause)
  }
}

export class TokenVerifier {
  readonly #options: TokenOptions
  readonly #clock: Clock
  #keys: Promise<Keys> | undefined
  #remote: RemoteKeys | undefined

  constructor(options: TokenOptions, clock: Clock) {
    demandPackage('jose', PURPOSE)
    this.#options = options
    this.#clock = clock
    checkTokenOptions(options)
    this.#keys = this.#load()
    // an error is reported when the first token is verified
    this.#keys?.catch(() => {})
  }

  async verify(token: string): Promise<Verified> {
    const { issuer, audience, clockToleranceS = 0, requireExpiry = true, algorithms } = this.#options
    const { jwtVerify, errors } = await loadJose()
    try {
      const { payload } = await jwtVerify(token, (await this.#keys) as KeyObject, {
        algorithms: [...algorithms],
        clockTolerance: clockToleranceS,
        currentDate: new Date(this.#clock.now()),
        ...(issuer !== undefined && { issuer: [issuer].flat() as string[] }),
        ...(audience !== undefined && { audience: [audience].flat() as string[] }),
        ...(requireExpiry && { requiredClaims: ['exp'] }),
      })
      return { claims: payload }
    } catch (error) {
      if (error instanceof errors.JWTExpired) return { denied: 'token-expired' }
      if (error instanceof errors.JWTClaimValidationFailed) return { denied: 'token-claims' }
      return { denied: this.#remote === undefined || isAboutToken(error) ? 'token-invalid' : 'keys-unavailable' }
    }
  }

  /** Reads the key's file, or fetches the keys, again; if that fails, the old keys stay in use. */
  async reload(): Promise<void> {
    if (this.#remote !== undefined) {
      await this.#remote.reload().catch(cause => {
        throw optionError('the keys cannot be fetched', cause)
      })
      return
    }
    const keys = await this.#load()
    this.#keys = Promise.resolve(keys)
  }

  async #load(): Promise<Keys> {
    const { jwks, key, keyFile, algorithms } = this.#options
    if (jwks === undefined) return keyFrom(key ?? readText(keyFile!), algorithms)
    const { createLocalJWKSet, createRemoteJWKSet } = await loadJose()
    if (typeof jwks === 'object' && !(jwks instanceof URL)) return createLocalJWKSet(jwks as never) as unknown as Keys
    const { jwksTimeoutMs = 5000, jwksMaxAgeMs = 600_000, jwksCooldownMs = 30_000 } = this.#options
    const remote = createRemoteJWKSet(new URL(jwks), {
      timeoutDuration: jwksTimeoutMs,
      cacheMaxAge: jwksMaxAgeMs,
      cooldownDuration: jwksCooldownMs,
    })
    this.#remote = remote
    return remote as unknown as Keys
  }
}

/** Whether an error of jose is the fault of the token, and not of fetching keys. */
function isAboutToken(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^ERR_(JWS|JWT|JWK_|JOSE_ALG|JOSE_NOT|JWKS_NO_MATCHING|JWKS_MULTIPLE)/.test(code)
}

/** @throws AnaxError ANAX_ERR_OPTION */
function checkTokenOptions(options: TokenOptions): void {
  const { algorithms, key, keyFile, jwks, clockToleranceS = 0 } = options
  if (!Array.isArray(algorithms) || algorithms.length === 0) throw optionError('jwt needs the list algorithms')
  const isSymmetric = algorithms.every(name => SYMMETRIC.includes(name))
  if (!isSymmetric && !algorithms.every(name => ASYMMETRIC.includes(name))) {
    throw optionError(`algorithms are all of ${SYMMETRIC.join(', ')}, or all of ${ASYMMETRIC.join(', ')}`)
  }
  if ([key, keyFile, jwks].filter(each => each !== undefined).length !== 1) {
    throw optionError('jwt needs one of key, keyFile and jwks')
  }
  if (isSymmetric && jwks !== undefined) throw optionError('jwks is for public keys, not for secrets')
  if (!(clockToleranceS >= 0)) throw optionError('clockToleranceS is a number of seconds')
  if (typeof jwks === 'string' || jwks instanceof URL) checkUrl(jwks)
  // reports a wrong key now, not when the first client connects
  if (jwks === undefined) keyFrom(key ?? readText(keyFile!), algorithms)
}

function checkUrl(text: string | URL): void {
  const url = URL.canParse(String(text)) ? new URL(text) : undefined
  const isLocal = url !== undefined && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return
  throw optionError(`jwks: ${text} is not an https URL: anyone who can change the answer could sign tokens`)
}

function keyFrom(key: NonNullable<TokenOptions['key']>, algorithms: readonly string[]): KeyObject {
  const isSymmetric = SYMMETRIC.includes(algorithms[0]!)
  try {
    const made = isSymmetric ? secretFrom(key) : publicFrom(key)
    const bytes = Math.max(...algorithms.map(name => Number(name.slice(2)) / 8))
    if (isSymmetric && (made.symmetricKeySize ?? 0) < bytes) {
      throw optionError(`a secret for ${algorithms.join(', ')} has at least ${bytes} bytes`)
    }
    return made
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ANAX_ERR_OPTION') throw cause
    throw optionError('the key is invalid', cause)
  }
}

function secretFrom(key: NonNullable<TokenOptions['key']>): KeyObject {
  if (typeof key === 'string') {
    if (key.includes('-----BEGIN'))
      throw optionError('a public key is not a secret: with HS algorithms, anyone could sign tokens with it')
    return createSecretKey(Buffer.from(key.trim()))
  }
  if (key instanceof Uint8Array) return createSecretKey(key)
  if ('type' in key && key.type === 'secret') return key as KeyObject
  throw optionError('HS algorithms need a secret')
}

function publicFrom(key: NonNullable<TokenOptions['key']>): KeyObject {
  if (typeof key === 'string' || key instanceof Uint8Array) return createPublicKey(Buffer.from(key))
  if ('kty' in key) return createPublicKey({ key: key as JsonWebKey, format: 'jwk' })
  const object = key as KeyObject
  return object.type === 'public' ? object : createPublicKey(object)
}
