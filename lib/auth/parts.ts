/**
 * The parts of modules: authenticators identify clients, authorizers decide what they may do. Contracts between the
 * modules and the hooks that use them.
 */

import type { ConnectRefusal, ExtendedAuthentication, ExtendedVerdict } from '../../types/broker/hooks.js'
import type { Client } from '../../types/client/client.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { DenialCode } from './hooks/denials.js'
import type { Identity, ProvenSubject, Subject } from './identity.js'

/** The optional members of every part. */
export interface Part {
  /** Name in events and explanations, such as `users.txt`. */
  readonly name: string
  /** Reads its source again. If that is invalid, throws or rejects, and keeps the old state. */
  reload?(): MaybePromise<void>
  /** Releases its resources. */
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
  /** The part that accepted the client; it is asked again when something changes. */
  by: Authenticator
  /** A value for that part to compare then. */
  proof?: unknown
}

/** Why the client is refused. */
export interface Refused {
  denied: DenialCode
  by: Part
  /** The reason code for the client. @default 0x86, bad user name or password */
  refusal?: ConnectRefusal
}

/** Undefined if the authenticator does not know the client; another one may. */
export type Outcome = Accepted | Refused | undefined

/** The result of one step: another step, or an outcome. */
export type ExtendedOutcome =
  | { verdict: Extract<ExtendedVerdict, { result: 'continue' }> }
  | { verdict: Extract<ExtendedVerdict, { result: 'success' }>; accepted: Accepted }
  | Refused

/** Finds out who a client is. */
export interface Authenticator extends Part {
  authenticate?(attempt: Attempt): MaybePromise<Outcome>
  /**
   * Does as much work as for a wrong password, so that the duration does not reveal which users exist. Returns a
   * refusal in the same cases in which an existing user is refused without a password check.
   */
  decoy?(attempt: Attempt): MaybePromise<Refused | undefined>
  /** Performs one step of an enhanced authentication; undefined for a method that it does not support. */
  step?(client: Client, authentication: ExtendedAuthentication): MaybePromise<ExtendedOutcome | undefined>
  /** Whether it would still accept a client that it accepted before; or the client's current identity. */
  stillKnows?(subject: ProvenSubject): MaybePromise<boolean | Identity>
  /**
   * Whether it would still accept a client of an earlier run, of which only the identity is known; or the client's
   * current identity. If absent, it cannot tell, and the stored identity counts.
   */
  mightKnow?(subject: Subject): MaybePromise<boolean | Identity>
}

/** An action of a client: `receive` is checked for each message that is forwarded to it. */
export type Action = 'publish' | 'subscribe' | 'receive'

/** The verdict of an authorizer; one object per rule, shared by all its answers. */
export interface Decision {
  /** `unknown` leaves the decision to other authorizers. */
  readonly verdict: 'allow' | 'deny' | 'unknown'
  /** The reason of a denial. */
  readonly code?: DenialCode
  /** The rule that decided, and its location. */
  readonly rule?: string
  /** Whether the same question has the same answer until `watch` reports a change. */
  readonly lasting: boolean
}

/** Finds out what a client may do. */
export interface Authorizer extends Part {
  publish(subject: Subject, topic: string): MaybePromise<Decision>
  /** @param filter without `$share/…/` */
  subscribe(subject: Subject, filter: string): MaybePromise<Decision>
  /**
   * What happens when a client before 5.0 is denied a publish, because there is no reason code for it. @default
   * 'disconnect'
   */
  readonly olderClients?: 'disconnect' | 'acknowledge'
  /**
   * Whether the publisher of a retained message may still write there. Synchronous. If absent, publishers are not
   * checked.
   */
  retained?: ((publisher: Subject, topic: string) => Decision) | undefined
  /** Whether a client may receive messages of a topic. Synchronous. If absent, a granted subscription is enough. */
  receive?(subject: Subject, topic: string): Decision
}

/** An authenticator and an authorizer; one of them may be absent. */
export interface Parts {
  readonly authenticator?: Authenticator
  readonly authorizer?: Authorizer
}

/** The verdict of an authorizer that leaves the decision to others. */
export const UNKNOWN: Decision = { verdict: 'unknown', lasting: true }
