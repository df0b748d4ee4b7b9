/**
 * The parts of modules: authenticators identify clients, authorizers decide what they may do.
 * Contracts between the modules and the hooks that are made of them.
 */
import type { Client } from '../../types/client.js'
import type { ConnectRefusal, ExtendedAuthentication, ExtendedVerdict } from '../../types/hooks.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { DenialCode } from './hooks/denials.js'
import type { Identity, ProvenSubject, Subject } from './identity.js'

/** The optional members of every part. */
export interface Part {
  /** For events and explanations: `users.txt`, for instance. */
  readonly name: string
  /** Reads again what it was made from. Throws, or rejects, and keeps what it has, where that is not acceptable. */
  reload?(): MaybePromise<void>
  /** Gives back what it holds. */
  close?(): void
  /** Calls a function whenever answers may have changed. */
  watch?(listener: () => void): void
}

/** The credentials of a client. */
export interface Attempt {
  readonly client: Client
  readonly username: string | undefined
  readonly password: Buffer | undefined
}

/** The identity. */
export interface Accepted {
  identity: Identity
  /** The part that found out, which is asked again when something changes. */
  by: Authenticator
  /** Kept for that. */
  proof?: unknown
}

/** Why it may not come in. */
export interface Refused {
  denied: DenialCode
  by: Part
  /** The reason code for the client. @default 0x86, bad user name or password */
  refusal?: ConnectRefusal
}

/** Undefined where the authenticator does not know the client: then another one may. */
export type Outcome = Accepted | Refused | undefined

/** A step of an enhanced authentication goes on, or has an outcome. */
export type ExtendedOutcome =
  | { verdict: Extract<ExtendedVerdict, { result: 'continue' }> }
  | { verdict: Extract<ExtendedVerdict, { result: 'success' }>; accepted: Accepted }
  | Refused

/** Finds out who a client is. */
export interface Authenticator extends Part {
  authenticate?(attempt: Attempt): MaybePromise<Outcome>
  /**
   * Does as much work as for a wrong password, so that time does not tell who exists. Refused where a user who exists
   * would have been refused without a look at the password.
   */
  decoy?(attempt: Attempt): MaybePromise<Refused | undefined>
  /** One step of an enhanced authentication; undefined for a method that is not its own. */
  step?(client: Client, authentication: ExtendedAuthentication): MaybePromise<ExtendedOutcome | undefined>
  /** Whether it would still let in a client that it let in before; or who the client is by now. */
  stillKnows?(subject: ProvenSubject): MaybePromise<boolean | Identity>
  /**
   * Whether it may have let in a client of an earlier run, of which only the identity is known; or who the client is by
   * now. Absent: it cannot tell, and the stored identity counts.
   */
  mightKnow?(subject: Subject): MaybePromise<boolean | Identity>
}

/** An action of a client: `receive` is checked for each message that is forwarded to it. */
export type Action = 'publish' | 'subscribe' | 'receive'

/** The verdict of an authorizer; one object per rule, shared by all its answers. */
export interface Decision {
  /** `unknown` leaves it to the other authorizers. */
  readonly verdict: 'allow' | 'deny' | 'unknown'
  /** Why, where it denies. */
  readonly code?: DenialCode
  /** The rule that decided, as it is written, and where. */
  readonly rule?: string
  /** Whether the same question has the same answer until `watch` tells of a change. */
  readonly lasting: boolean
}

/** Finds out what a client may do. */
export interface Authorizer extends Part {
  publish(subject: Subject, topic: string): MaybePromise<Decision>
  /** @param filter without `$share/…/` */
  subscribe(subject: Subject, filter: string): MaybePromise<Decision>
  /** The answer to a denied publish of a client before 5.0, which cannot be told. @default 'disconnect' */
  readonly olderClients?: 'disconnect' | 'acknowledge'
  /** Whether the publisher of a retained message may still write there; at once. Absent: it is not asked. */
  retained?: ((publisher: Subject, topic: string) => Decision) | undefined
  /** At once. Absent: whoever was granted the subscription gets what it brings. */
  receive?(subject: Subject, topic: string): Decision
}

/** How both are put together; one of them may be absent. */
export interface Parts {
  readonly authenticator?: Authenticator
  readonly authorizer?: Authorizer
}

/** The verdict of who has nothing to say. */
export const UNKNOWN: Decision = { verdict: 'unknown', lasting: true }
