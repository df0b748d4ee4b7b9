/**
 * `jwt`: accepts clients with a signed token, with the permissions in the token. Owns the options and the handling of
 * tokens; verifier.ts verifies them, claims.ts reads their claims.
 */

import type { ExtendedAuthentication } from '../../../types/broker/hooks.js'
import type { Client } from '../../../types/client/client.js'
import { ReasonCode } from '../../index.js'
import { identityRules } from '../acl/identity-rules.js'
import { Auth } from '../auth.js'
import type { DenialCode } from '../hooks/denials.js'
import { type Identity, type ProvenSubject, subjectOf } from '../identity.js'
import { type AuthOptions, authOptions, checkChoice, clockOf, optionError } from '../options.js'
import type { Accepted, Attempt, Authenticator, ExtendedOutcome, Outcome, Refused } from '../parts.js'
import { type ClaimNames, claimOf, identityFrom } from './claims.js'
import { findToken, type TokenPlace, type TokenPlaces, tokenOf } from './token-places.js'
import { type TokenOptions, TokenVerifier } from './verifier.js'

/** The requirements for a token, where to find it, and the meaning of its claims. */
export interface JwtOptions extends AuthOptions, TokenOptions {
  /** Where to look for the token, in this order. @default ['password'] */
  from?: readonly TokenPlace[]
  /** The name of the cookie, required if `from` has `cookie`. */
  cookie?: string
  /** Origins of the pages that may send the cookie, such as `https://example.com`; required if `from` has `cookie`. */
  allowedOrigins?: readonly string[]
  /** The method of enhanced authentication, if `from` has `enhanced`. @default 'JWT' */
  method?: string
  /** The claim with the user name. @default 'sub' */
  usernameClaim?: string
  /** The claim that must equal the client identifier. @default none */
  clientIdClaim?: string
  /** A field of CONNECT that must equal the token's user name. @default nothing */
  mustEqual?: 'username' | 'clientId'
  /** The claim with roles: a list, or words in one text. @default none */
  rolesClaim?: string
  /** The claim with groups, in the same format. @default none */
  groupsClaim?: string
  /** Attribute for `%{attribute}` in rules -> claim: `{ tenant: 'tenant_id' }`. @default none */
  attributes?: Readonly<Record<string, string>>
  /** The claim with rules, in one of EMQX's formats. @default 'acl' */
  aclClaim?: string
  /** The claim with limits, in the format of `ClientLimits`. @default 'limits' */
  limitsClaim?: string
}

/**
 * Accepts clients with a token signed by a trusted key. When the token expires, the connection ends with 0xA0; a client
 * with enhanced authentication can re-authenticate with a new token before that.
 * @throws AnaxError ANAX_ERR_OPTION for incompatible or unsafe options, for an invalid key, and if the package `jose`
 * is not installed
 */
export function jwt(options: JwtOptions): Auth {
  checkOptions(options)
  const verifier = new TokenVerifier(options, clockOf(options))
  const authenticator = new JwtAuthenticator(verifier, options)
  return new Auth({ authenticator, authorizer: identityRules('token') }, authOptions(options))
}

class JwtAuthenticator implements Authenticator {
  readonly name = 'jwt'
  readonly #verifier: TokenVerifier
  readonly #options: JwtOptions
  readonly #places: TokenPlaces
  readonly #names: ClaimNames
  readonly #listeners: (() => void)[] = []
  declare readonly step?: NonNullable<Authenticator['step']>

  constructor(verifier: TokenVerifier, options: JwtOptions) {
    const { from = ['password'], cookie, allowedOrigins = [], method = 'JWT' } = options
    this.#verifier = verifier
    this.#options = options
    this.#places = { from, cookie, allowedOrigins }
    this.#names = {
      username: options.usernameClaim ?? 'sub',
      roles: options.rolesClaim,
      groups: options.groupsClaim,
      acl: options.aclClaim ?? 'acl',
      limits: options.limitsClaim ?? 'limits',
      attributes: options.attributes ?? {},
    }
    if (from.includes('enhanced')) {
      Object.assign(this, {
        step: (client: Client, authentication: ExtendedAuthentication) =>
          authentication.method === method ? this.#step(client, authentication) : undefined,
      })
    }
  }

  async authenticate(attempt: Attempt): Promise<Outcome> {
    const token = findToken(attempt, this.#places)
    if (token === undefined) return undefined
    if (token === 'unusable') return this.#refused('token-invalid')
    return this.#judge(token, attempt.client, attempt.username)
  }

  async stillKnows({ proof, clientId, client }: ProvenSubject): Promise<boolean> {
    if (typeof proof !== 'string') return false
    const outcome = await this.#judge(proof, { id: clientId }, client.username)
    // if keys cannot be fetched, nothing is withdrawn: they were valid when the client connected, and the expiry of a
    // token is handled separately
    return !('denied' in outcome) || outcome.denied === 'keys-unavailable' || outcome.denied === 'token-expired'
  }

  async reload(): Promise<void> {
    await this.#verifier.reload()
    for (const listener of this.#listeners) listener()
  }

  watch(listener: () => void): void {
    this.#listeners.push(listener)
  }

  async #step(client: Client, { data, step }: ExtendedAuthentication): Promise<ExtendedOutcome> {
    const token = step === 'continue' ? undefined : tokenOf(data)
    if (token === undefined) return this.#refused(data === undefined ? 'token-missing' : 'token-invalid')
    const accepted = await this.#judge(token, client, client.username)
    if ('denied' in accepted) return accepted
    const { username } = accepted.identity
    if (step === 'reauthenticate' && subjectOf(client).username !== username) return this.#refused('identity-mismatch')
    return { verdict: { result: 'success' }, accepted }
  }

  async #judge(token: string, { id }: { id: string }, username: string | undefined): Promise<Accepted | Refused> {
    const verified = await this.#verifier.verify(token)
    if ('denied' in verified) return this.#refused(verified.denied)
    const identity = identityFrom(verified.claims, this.#names, this.#options.clockToleranceS ?? 0)
    if (identity === undefined) return this.#refused('token-claims')
    if (!this.#isFor(identity, verified.claims, id, username)) return this.#refused('identity-mismatch')
    return { identity, by: this, proof: token }
  }

  #isFor(
    identity: Identity,
    claims: Readonly<Record<string, unknown>>,
    id: string,
    username: string | undefined,
  ): boolean {
    const { clientIdClaim, mustEqual } = this.#options
    if (clientIdClaim !== undefined && claimOf(claims, clientIdClaim) !== id) return false
    if (mustEqual === 'username') return identity.username === username
    return mustEqual === undefined || identity.username === id
  }

  #refused(denied: DenialCode): Refused {
    const isOurs = denied === 'keys-unavailable'
    return { denied, by: this, ...(isOurs && { refusal: { reasonCode: ReasonCode.ServerUnavailable } }) }
  }
}

const PLACES: readonly string[] = ['password', 'username', 'authorization', 'cookie', 'enhanced']

function checkOptions({ from = ['password'], cookie, allowedOrigins, mustEqual, usernameClaim }: JwtOptions): void {
  if (from.length === 0 || !from.every(place => PLACES.includes(place))) {
    throw optionError(`from has at least one of ${PLACES.join(', ')}`)
  }
  if (
    from.includes('cookie') &&
    (cookie === undefined || allowedOrigins === undefined || allowedOrigins.length === 0)
  ) {
    throw optionError('a token in a cookie needs its name and allowedOrigins: browsers send cookies for every page')
  }
  checkChoice('mustEqual', mustEqual, ['username', 'clientId'])
  if (usernameClaim === '') throw optionError('usernameClaim is the name of a claim')
}
