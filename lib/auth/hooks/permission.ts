/**
 * Creates the hooks for publishing, subscribing and forwarding for an authorizer. Owns the topics that no client may
 * write to, and cached verdicts; must not know rules. The broker enforces limits.
 */

import type {
  AuthorizeForwardHandler,
  AuthorizePublishHandler,
  AuthorizeSubscribeHandler,
  PublishRefusal,
} from '../../../types/broker/hooks.js'
import type { Client } from '../../../types/client/client.js'
import type { Message } from '../../../types/message/message.js'
import type { PublishPacket, Subscription, Will } from '../../../types/message/packets.js'
import type { MaybePromise } from '../../../types/persistence.js'
import { ReasonCode } from '../../index.js'
import { Subject } from '../identity.js'
import type { AuthOptions } from '../options.js'
import type { Action, Authenticator, Authorizer, Decision } from '../parts.js'
import { matches, plainFilter } from '../util/topics.js'
import { type Clients, type Entry, remember, withdraw } from './clients.js'
import type { Denial } from './denials.js'
import { withdrawnBy } from './standing.js'
import { isStillKnown, STORED, storedSubject } from './stored-wills.js'

interface PermissionOptions extends AuthOptions {
  /** Undefined if every client is accepted. */
  authenticator: Authenticator | undefined
  tell(denial: Denial): void
}

/** The details of its client that a will has. */
interface WillOwner {
  username?: string | undefined
}

const RESERVED: Decision = { verdict: 'deny', code: 'reserved-topic', lasting: true }
const PUBLISHER: Decision = { verdict: 'deny', code: 'publisher-not-allowed', lasting: false }
const CREDENTIALS_WITHDRAWN: Decision = { verdict: 'deny', code: 'credentials-withdrawn', lasting: false }
const IDENTITY_UNKNOWN: Decision = { verdict: 'deny', code: 'identity-unknown', lasting: false }
const SUBSCRIPTION_WITHDRAWN: Decision = { verdict: 'deny', code: 'subscription-withdrawn', lasting: false }

/** The topics of bridges. */
const BRIDGE_STATE = /^\$SYS\/broker\/connection\/[^/]*\/state$/

export class Permission {
  readonly #authorizer: Authorizer | undefined
  readonly #options: PermissionOptions
  readonly #letsPass: boolean

  constructor(authorizer: Authorizer | undefined, options: PermissionOptions) {
    this.#authorizer = authorizer
    this.#options = options
    this.#letsPass = options.dryRun !== undefined
  }

  hooks(clients: Clients): {
    authorizePublish: AuthorizePublishHandler
    authorizeSubscribe: AuthorizeSubscribeHandler
    authorizeForward?: AuthorizeForwardHandler
  } {
    return {
      authorizePublish: (client, packet) =>
        client.closed ? this.#will(clients, client, packet) : this.#publish(clients.entry(client), packet),
      authorizeSubscribe: (client, subscription) => this.#subscribe(clients, clients.entry(client), subscription),
      ...(this.#authorizer?.receive && {
        authorizeForward: (client, message) => this.#receives(clients.entry(client), message),
      }),
    }
  }

  /** Whether a will may be published at the moment, without reporting a denial. */
  async mayPublish(subject: Subject, { topic }: Pick<Will, 'topic'>): Promise<boolean> {
    return (await this.#decidePublish(subject, topic)).verdict === 'allow'
  }

  /** Whether a subscription that was granted before would be granted now. */
  async mayKeep(entry: Entry, filter: string): Promise<boolean> {
    if (this.#authorizer === undefined) return true
    const decision = await this.#authorizer.subscribe(entry.subject, plainFilter(filter))
    return decision.verdict === 'allow' || this.#denied(entry, 'subscribe', filter, decision)
  }

  #publish(entry: Entry, { topic }: PublishPacket): MaybePromise<boolean | PublishRefusal> {
    if (entry.mayPublish.get(topic) === true) return true
    const decision = this.#decidePublish(entry.subject, topic)
    return isDecision(decision)
      ? this.#concludePublish(entry, topic, decision)
      : decision.then(settled => this.#concludePublish(entry, topic, settled))
  }

  #concludePublish(entry: Entry, topic: string, decision: Decision): boolean | PublishRefusal {
    if (decision.verdict !== 'allow') return this.#deniedPublish(entry, topic, decision)
    if (decision.lasting) remember(entry.mayPublish, topic, true)
    return true
  }

  #deniedPublish(entry: Entry, topic: string, decision: Decision): boolean | PublishRefusal {
    if (this.#denied(entry, 'publish', topic, decision)) return true
    return { refuse: ReasonCode.NotAuthorized, olderClients: this.#authorizer?.olderClients ?? 'disconnect' }
  }

  /** Decides about the will of a disconnected client, whose identity is remembered or was stored with the will. */
  async #will(clients: Clients, client: Client, { topic, username }: PublishPacket & WillOwner): Promise<boolean> {
    const departed = clients.departed(client)
    const claimed = new Subject({ id: client.id, username })
    const subject = departed ?? (this.#options.authenticator === undefined ? claimed : storedSubject(client))
    const decision = subject === undefined ? IDENTITY_UNKNOWN : await this.#decideWill(subject, topic)
    if (decision.verdict === 'allow') return true
    return this.#denied({ client: null, subject: subject ?? claimed }, 'publish', topic, decision)
  }

  /** If the client's credentials were withdrawn while the will waited, it is not published. */
  async #decideWill(subject: Subject, topic: string): Promise<Decision> {
    const { authenticator } = this.#options
    const isKnown =
      subject.provenBy === STORED && authenticator !== undefined
        ? await isStillKnown(subject, authenticator)
        : (await withdrawnBy(subject)) === undefined
    return isKnown ? this.#decidePublish(subject, topic) : CREDENTIALS_WITHDRAWN
  }

  #decidePublish(subject: Subject, topic: string): MaybePromise<Decision> {
    if (isReserved(topic)) return RESERVED
    return this.#authorizer?.publish(subject, topic) ?? ALLOWED
  }

  async #subscribe(clients: Clients, entry: Entry, { topic }: Subscription): Promise<boolean> {
    const decision = await this.#decideSubscribe(clients, entry.subject, topic)
    if (decision.verdict !== 'allow' && !this.#denied(entry, 'subscribe', topic, decision)) {
      // a subscription of a resumed session, for which messages may be queued
      if (!entry.client.connected) withdraw(entry, topic)
      return false
    }
    entry.withdrawn.delete(topic)
    if (entry.client.connected) clients.granted(entry, topic)
    return true
  }

  /**
   * Decides again if something changed before the answer, because the check after a change does not see subscriptions
   * that are granted later.
   */
  async #decideSubscribe(clients: Clients, subject: Subject, filter: string): Promise<Decision> {
    const { generation } = clients
    const decision = await this.#authorizer!.subscribe(subject, plainFilter(filter))
    return generation === clients.generation ? decision : this.#decideSubscribe(clients, subject, filter)
  }

  #receives(entry: Entry, message: Message): boolean {
    const { topic } = message
    if (message.retain && !this.#isKept(entry, message)) return false
    if (entry.mayReceive.get(topic) === true) return true
    const decision = this.#authorizer!.receive!(entry.subject, topic)
    if (decision.verdict === 'deny') return this.#denied(entry, 'receive', topic, decision)
    if (entry.withdrawn.size > 0 && isWithdrawn(entry, topic)) {
      return this.#denied(entry, 'receive', topic, SUBSCRIPTION_WITHDRAWN)
    }
    if (decision.lasting) remember(entry.mayReceive, topic, true)
    return true
  }

  /** Whether the publisher of a retained message may still write there. Messages of the host have no publisher. */
  #isKept(entry: Entry, { topic, clientId, username }: Message): boolean {
    if (this.#authorizer!.retained === undefined || clientId === undefined) return true
    const { verdict } = this.#authorizer!.retained(new Subject({ id: clientId, username }), topic)
    return verdict !== 'deny' || this.#denied(entry, 'receive', topic, PUBLISHER)
  }

  /** Reports a denial. @returns whether the request is allowed nevertheless */
  #denied(
    { client, subject }: { client: Client | null; subject: Subject },
    action: Action,
    topic: string,
    { code = 'nobody-knows', rule }: Decision,
  ): boolean {
    this.#options.tell({
      action,
      code,
      client,
      clientId: subject.clientId,
      username: subject.username,
      topic,
      by: this.#authorizer?.name ?? '',
      rule,
      dryRun: this.#letsPass,
    })
    return this.#letsPass
  }
}

const ALLOWED: Decision = { verdict: 'allow', lasting: true }

/** Whether a message is queued only for a subscription that is no longer allowed. */
function isWithdrawn({ client, withdrawn }: Entry, topic: string): boolean {
  const covers = (filter: string) => matches(plainFilter(filter), topic)
  return [...withdrawn].some(covers) && ![...client.subscriptions.keys()].some(covers)
}

function isDecision(value: MaybePromise<Decision>): value is Decision {
  return 'verdict' in value
}

/** Topics that no client may write to, whatever its rules say. */
export function isReserved(topic: string): boolean {
  if (topic.charCodeAt(0) !== 0x24) return false
  return topic.startsWith('$share') || (topic.startsWith('$SYS') && !BRIDGE_STATE.test(topic))
}
