/**
 * Creates the hooks `authenticate` and `authenticateExtended` for an authenticator, and checks connected clients again.
 * Owns the refusals that clients see; must not know how credentials are checked.
 */

import type {
  AuthenticateExtendedHandler,
  AuthenticateHandler,
  ConnectAcceptance,
  ConnectRefusal,
  ExtendedAuthentication,
  ExtendedVerdict,
} from '../../../types/broker/hooks.js'
import type { Client } from '../../../types/client/client.js'
import type { ClientLimits } from '../../../types/client/limits.js'
import { ReasonCode } from '../../index.js'
import type { AuthOptions } from '../options.js'
import type { Accepted, Authenticator, Refused } from '../parts.js'
import type { Clients, Entry } from './clients.js'
import type { Denial } from './denials.js'
import type { Permission } from './permission.js'
import { withdrawnBy } from './standing.js'
import { noteClaims } from './stored-wills.js'

interface AdmissionOptions extends AuthOptions {
  tell(denial: Denial): void
  permission: Permission
}

/** The same refusal for a wrong password and for an unknown user. */
const BAD_CREDENTIALS: ConnectRefusal = { reasonCode: ReasonCode.BadUserNameOrPassword }

export class Admission {
  readonly #authenticator: Authenticator | undefined
  readonly #options: AdmissionOptions
  readonly #letsPass: boolean

  constructor(authenticator: Authenticator | undefined, options: AdmissionOptions) {
    this.#authenticator = authenticator
    this.#options = options
    this.#letsPass = options.dryRun === 'everything'
  }

  hooks(clients: Clients): { authenticate: AuthenticateHandler; authenticateExtended?: AuthenticateExtendedHandler } {
    return {
      authenticate: (client, username, password) =>
        this.#authenticate(clients.entry(client), { client, username, password }, clients),
      ...(this.#authenticator?.step && {
        authenticateExtended: (client, authentication) => this.#step(clients.entry(client), authentication, clients),
      }),
    }
  }

  /** The limits of the client; none in a dry run. */
  limitsOf({ subject }: Entry): ClientLimits | undefined {
    return this.#options.dryRun === undefined ? subject.identity.limits : undefined
  }

  /** Whether a client that was accepted before would be accepted now. */
  async mayStay(entry: Entry): Promise<boolean> {
    const by = await withdrawnBy(entry.subject)
    if (by === undefined) return true
    this.#tell(entry, { denied: 'credentials-withdrawn', by }, 'stay')
    return this.#letsPass
  }

  async #authenticate(
    entry: Entry,
    attempt: { client: Client; username: string | undefined; password: Buffer | undefined },
    clients: Clients,
  ): Promise<true | ConnectAcceptance | ConnectRefusal> {
    const authenticator = this.#authenticator!
    const outcome = await authenticator.authenticate?.(attempt)
    if (outcome === undefined) {
      const refused = await authenticator.decoy?.(attempt)
      if (refused !== undefined) return this.#refuse(entry, refused)
      const denied = attempt.username === undefined ? 'no-credentials' : 'unknown-user'
      return this.#refuse(entry, { denied, by: authenticator })
    }
    if ('denied' in outcome) return this.#refuse(entry, outcome)
    const admitted = await this.#accept(entry, outcome, clients)
    const limits = this.limitsOf(entry)
    return admitted === true && limits !== undefined ? { accept: true, limits } : admitted
  }

  async #step(entry: Entry, authentication: ExtendedAuthentication, clients: Clients): Promise<ExtendedVerdict> {
    const authenticator = this.#authenticator!
    const outcome = await authenticator.step?.(entry.client, authentication)
    if (outcome === undefined) return { result: 'refuse', reasonCode: ReasonCode.BadAuthenticationMethod }
    if ('denied' in outcome) {
      const refusal = this.#refuse(entry, { refusal: { reasonCode: ReasonCode.NotAuthorized }, ...outcome })
      return refusal === true ? { result: 'success' } : { result: 'refuse', ...refusal }
    }
    if (!('accepted' in outcome)) return outcome.verdict
    const admitted = await this.#accept(entry, outcome.accepted, clients)
    if (admitted !== true) return { result: 'refuse', ...admitted }
    return { ...outcome.verdict, limits: this.limitsOf(entry) ?? {} }
  }

  async #accept(entry: Entry, { identity, by, proof }: Accepted, clients: Clients): Promise<true | ConnectRefusal> {
    const { subject, client } = entry
    subject.identify(identity, by, proof)
    noteClaims(client, identity)
    clients.expire(entry)
    if (client.connected) clients.review(entry)
    const { will } = client
    const { deniedWill, permission } = this.#options
    if (deniedWill !== 'refuse' || will === undefined || client.connected) return true
    if (await permission.mayPublish(subject, will)) return true
    return this.#refuse(entry, { denied: 'will-not-allowed', by, refusal: { reasonCode: ReasonCode.NotAuthorized } })
  }

  #refuse(entry: Entry, refused: Refused): true | ConnectRefusal {
    this.#tell(entry, refused, 'connect')
    return this.#letsPass || (refused.refusal ?? BAD_CREDENTIALS)
  }

  #tell({ client, subject }: Entry, { denied, by }: Refused, action: 'connect' | 'stay'): void {
    this.#options.tell({
      action,
      code: denied,
      client,
      clientId: client.id,
      username: subject.username,
      topic: undefined,
      by: by.name,
      rule: undefined,
      dryRun: this.#letsPass,
    })
  }
}
