/**
 * `httpAuth`: asks a service which clients to accept and what they may do. Owns the options, the cache and the meaning
 * of a missing answer; requester.ts sends requests.
 */
import { isUtf8 } from 'node:buffer'
import { createHmac, randomBytes } from 'node:crypto'
import type { MaybePromise } from '../../../types/persistence.js'
import { ReasonCode } from '../../index.js'
import { identityRules } from '../acl/identity-rules.js'
import { Auth } from '../auth.js'
import { firstToDecide } from '../combine.js'
import { type Identity, type Subject, subjectClient } from '../identity.js'
import { type AuthOptions, authOptions, clockOf, optionError } from '../options.js'
import type { Authenticator, Authorizer, Decision, Outcome } from '../parts.js'
import { UNKNOWN } from '../parts.js'
import { ExpiringMap } from '../util/expiring-map.js'
import { type HttpPreset, type HttpQuestion, type HttpVerdict, PRESETS, type Preset } from './presets.js'
import { Requester } from './requester.js'
import { Seal, type SealedBytes } from './seal.js'

/** Options of `httpAuth`. */
export interface HttpAuthOptions extends AuthOptions {
  /** URL that checks user name and password. @default another module must authenticate */
  authenticate?: string
  /** URL that authorizes publishing and subscribing. @default another module must authorize */
  authorize?: string
  /** The format of requests and answers. @default 'json' */
  preset?: HttpPreset
  /** Headers of every request: the service's own credentials. @default none */
  headers?: Readonly<Record<string, string>>
  /** Time limit for an answer, in milliseconds. @default 5000 */
  timeoutMs?: number
  /** Maximum number of concurrent requests. @default 50 */
  concurrency?: number
  /** Maximum number of waiting requests; further ones count as failed. @default 1000 */
  maxWaiting?: number
  /** How long an answer is cached, in milliseconds; 0 turns the cache off. @default 30000 */
  cacheMs?: number
  /** Maximum number of cached answers. @default 10000 */
  cacheSize?: number
  /**
   * Whether `reload()` authenticates connected clients again. For this, their passwords are kept while they are
   * connected, encrypted with a key of this process. @default true
   */
  reauthenticate?: boolean
  /** Number of consecutive failures after which the service is not asked for a while. @default 5 */
  failures?: number
  /** Retry delay in milliseconds after these failures; then one request tests the service. @default 10000 */
  pauseMs?: number
}

/**
 * Asks a service by POST with JSON. A missing, late, too long or invalid answer refuses. Messages of a granted
 * subscription are delivered without asking the service.
 * @throws AnaxError ANAX_ERR_OPTION for an invalid URL or number
 */
export function httpAuth(options: HttpAuthOptions): Auth {
  checkOptions(options)
  const service = new Service(options)
  const { authenticate, authorize } = options
  const authenticator = authenticate === undefined ? undefined : service.authenticator(authenticate)
  const brought = { ...identityRules('service'), ...service.changes() }
  const rights = [brought, ...(authorize === undefined ? [] : [service.authorizer(authorize)])]
  return new Auth({ ...(authenticator && { authenticator }), authorizer: firstToDecide(rights) }, authOptions(options))
}

type Answered = { verdict: HttpVerdict; identity?: Identity }

/** The credentials of a client, to check it again. */
interface Credentials {
  username: string | undefined
  address: string | undefined
  password: SealedBytes | undefined
}

const ALLOWED: Decision = { verdict: 'allow', lasting: false }
const REFUSED: Decision = { verdict: 'deny', code: 'service-refused', lasting: false }
const UNAVAILABLE: Decision = { verdict: 'deny', code: 'service-unavailable', lasting: false }
const DECISIONS = { allow: ALLOWED, deny: REFUSED, unknown: UNKNOWN, broken: UNAVAILABLE } as const

class Service {
  readonly #requester: Requester
  readonly #preset: Preset
  readonly #logins: ExpiringMap<Answered>
  readonly #rights: ExpiringMap<HttpVerdict>
  readonly #secret = randomBytes(32)
  readonly #seal: Seal | undefined
  readonly #listeners: (() => void)[] = []
  /** The number of reloads: an answer to a request from before the last one is not cached. */
  #reloads = 0

  constructor(options: HttpAuthOptions) {
    const clock = clockOf(options)
    const { preset = 'json', headers = {}, timeoutMs = 5000, concurrency = 50, maxWaiting = 1000 } = options
    const { cacheMs = 30_000, cacheSize = 10_000, failures = 5, pauseMs = 10_000 } = options
    this.#requester = new Requester({ clock, headers, timeoutMs, concurrency, maxWaiting, failures, pauseMs })
    this.#preset = PRESETS[preset]
    this.#logins = new ExpiringMap({ clock, max: cacheSize, ttlMs: cacheMs })
    this.#rights = new ExpiringMap({ clock, max: cacheSize, ttlMs: cacheMs })
    this.#seal = options.reauthenticate === false ? undefined : new Seal()
  }

  /** Drops all cached answers, at each reload. */
  changes(): Pick<Authorizer, 'reload' | 'watch'> {
    return {
      reload: () => {
        this.#reloads++
        this.#logins.clear()
        this.#rights.clear()
        for (const listener of this.#listeners) listener()
      },
      watch: listener => this.#listeners.push(listener),
    }
  }

  authenticator(url: string): Authenticator {
    const authenticator: Authenticator = {
      name: url,
      authenticate: async ({ client, username, password }): Promise<Outcome> => {
        if (password !== undefined && !isUtf8(password)) return { denied: 'malformed-credentials', by: authenticator }
        const { id: clientId, address } = client
        const { verdict, identity } = await this.#login(url, { clientId, username, address }, password)
        if (verdict === 'unknown') return undefined
        if (verdict === 'allow' && identity !== undefined) {
          const proof: Credentials = { username, address, password: password && this.#seal?.close(password) }
          return { identity, by: authenticator, proof }
        }
        if (verdict === 'deny') return { denied: 'service-refused', by: authenticator }
        const refusal = { reasonCode: ReasonCode.ServerUnavailable }
        return { denied: 'service-unavailable', by: authenticator, refusal }
      },
    }
    const seal = this.#seal
    if (seal !== undefined) {
      authenticator.stillKnows = async ({ clientId, proof }) => {
        const { username, address, password } = proof as Credentials
        const { verdict, identity } = await this.#login(url, { clientId, username, address }, seal.open(password))
        // a service that does not answer withdraws nothing
        return identity ?? verdict === 'broken'
      }
    }
    return authenticator
  }

  authorizer(url: string): Authorizer {
    const ask = (subject: Subject, action: 'publish' | 'subscribe', topic: string): MaybePromise<Decision> => {
      const key = JSON.stringify([action, topic, subject.clientId, subject.username ?? null])
      const known = this.#rights.get(key)
      return known === undefined ? this.#decide(url, key, subject, action, topic) : DECISIONS[known]
    }
    return {
      name: url,
      publish: (subject, topic) => ask(subject, 'publish', topic),
      subscribe: (subject, filter) => ask(subject, 'subscribe', filter),
    }
  }

  async #login(url: string, question: HttpQuestion, password: Buffer | undefined): Promise<Answered> {
    const { clientId, username, address } = question
    const asked = JSON.stringify([clientId, username ?? null, address ?? null, password?.toString('base64') ?? null])
    const key = createHmac('sha256', this.#secret).update(asked).digest('base64')
    const known = this.#logins.get(key)
    if (known !== undefined) return known
    const reloads = this.#reloads
    const answer = await this.#requester.post(url, this.#preset.authenticate(question, password?.toString('utf8')))
    const verdict = answer === undefined ? 'broken' : this.#preset.verdict(answer)
    const identity = verdict === 'allow' ? this.#preset.identity(answer!.body, username) : undefined
    if (verdict === 'broken' || (verdict === 'allow' && identity === undefined)) return { verdict: 'broken' }
    const answered = { verdict, ...(identity && { identity }) }
    if (reloads === this.#reloads) this.#logins.set(key, answered)
    return answered
  }

  async #decide(
    url: string,
    key: string,
    subject: Subject,
    action: 'publish' | 'subscribe',
    topic: string,
  ): Promise<Decision> {
    const { clientId, username } = subject
    const question = { clientId, username, address: subjectClient(subject)?.address }
    const reloads = this.#reloads
    const answer = await this.#requester.post(url, this.#preset.authorize(question, action, topic))
    const verdict = answer === undefined ? 'broken' : this.#preset.verdict(answer)
    if (verdict !== 'broken' && reloads === this.#reloads) this.#rights.set(key, verdict)
    return DECISIONS[verdict]
  }
}

const NUMBERS = ['timeoutMs', 'concurrency', 'maxWaiting', 'cacheMs', 'cacheSize', 'failures', 'pauseMs'] as const

function checkOptions(options: HttpAuthOptions): void {
  const { authenticate, authorize, preset = 'json' } = options
  if (authenticate === undefined && authorize === undefined)
    throw optionError('httpAuth needs authenticate or authorize')
  for (const url of [authenticate, authorize]) {
    if (url !== undefined && !/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : '')) {
      throw optionError(`${url} is not a URL of http or https`)
    }
  }
  if (!Object.hasOwn(PRESETS, preset)) throw optionError(`preset is one of ${Object.keys(PRESETS).join(', ')}`)
  if (options.reauthenticate !== undefined && typeof options.reauthenticate !== 'boolean') {
    throw optionError('reauthenticate is true or false')
  }
  for (const name of NUMBERS) {
    const value = options[name]
    const least = name === 'cacheMs' || name === 'cacheSize' || name === 'maxWaiting' ? 0 : 1
    if (value !== undefined && !(Number.isInteger(value) && value >= least))
      throw optionError(`${name}: ${least} at least`)
  }
}
