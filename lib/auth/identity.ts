/**
 * The identity of a client, as found by the module that accepted it; shared by all modules of one process.
 * Owns the link from a connection to its identity; must not know how it was proved.
 */
import type { Client } from '../../types/client/client.js'
import type { ClientLimits } from '../../types/client/limits.js'
import { type Origin, originOf } from './util/origin.js'

/** One rule that came with the credentials; the first matching rule decides. */
export interface IdentityRule {
  permission: 'allow' | 'deny'
  action: 'publish' | 'subscribe' | 'all'
  /** A topic filter with the placeholders `%c`, `%u` and `%{attribute}`. */
  filter: string
  /** Whether the filter is literal, including its wildcards: for this one subscription. @default false */
  exact?: boolean
}

/** The identity of an authenticated client. */
export interface Identity {
  /** The value of `%u` and the key of a user's rules; undefined for anonymous clients. */
  username: string | undefined
  /** Roles of typed rules. @default none */
  roles?: readonly string[]
  /** Groups of typed rules. @default none */
  groups?: readonly string[]
  /** The value of `%{name}` in typed rules, for example a tenant. @default none */
  attributes?: Readonly<Record<string, string>>
  /** When the identity expires, in milliseconds since the epoch; the connection then ends with 0xA0. @default never */
  expiresAt?: number
  /** Limits of the client, enforced by the broker regardless of rules. @default the broker's options */
  limits?: ClientLimits
  /** Rules that came with the credentials. @default none: those of the other modules apply */
  rules?: readonly IdentityRule[]
}

/** A client as rules see it. The same object during the whole connection; another identity changes `version`. */
export class Subject {
  readonly client: Pick<Client, 'id' | 'username'>
  readonly #origin: Origin | undefined
  #identity: Identity | undefined
  /** Incremented each time the identity is set. */
  version = 0
  /** A value that the accepting module compares later, for example the hash that matched. */
  proof: unknown
  /** The module that accepted the client; undefined if none did. */
  provenBy: object | undefined

  /** @param origin the origin of a client without a connection */
  constructor(client: Pick<Client, 'id' | 'username'>, origin?: Origin) {
    this.client = client
    this.#origin = origin
  }

  /** The origin of the client; undefined if unknown. */
  get origin(): Origin | undefined {
    if (this.#origin !== undefined) return this.#origin
    const client = subjectClient(this)
    return client && originOf(client)
  }

  get clientId(): string {
    return this.client.id
  }

  /** The authenticated identity; if no module was called, the client's own claims. */
  get identity(): Identity {
    return this.#identity ?? { username: this.client.username }
  }

  get username(): string | undefined {
    return this.#identity === undefined ? this.client.username : this.#identity.username
  }

  identify(identity: Identity, provenBy: object, proof: unknown): void {
    this.#identity = identity
    const client = subjectClient(this)
    if (client !== undefined) client.principal = identity.username
    this.provenBy = provenBy
    this.proof = proof
    this.version++
  }
}

/** The client as the accepting module saw it, for later checks. */
export type ProvenSubject = Pick<Subject, 'client' | 'clientId' | 'username' | 'identity' | 'proof'>

const subjects = new WeakMap<Client, Subject>()

/** The subject of a connection, created on first use. */
export function subjectOf(client: Client): Subject {
  let subject = subjects.get(client)
  if (subject === undefined) {
    subject = new Subject(client)
    subjects.set(client, subject)
  }
  return subject
}

/**
 * Returns the identity of a client, as found by the module that accepted it, for hooks and handlers of the host. If no
 * module was called, it has the user name of CONNECT, unverified.
 */
export function identityOf(client: Client): Identity {
  return subjectOf(client).identity
}

/** The connection of a subject; undefined for a hypothetical client. */
export function subjectClient({ client }: Pick<Subject, 'client'>): Client | undefined {
  return 'conn' in client ? (client as Client) : undefined
}
