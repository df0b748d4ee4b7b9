/**
 * Combines several authenticators, or authorizers: the first that knows the client decides, all must agree, or one per
 * kind of client. Owns how their answers are combined; must not know what they check.
 */

import type { ExtendedAuthentication } from '../../types/broker/hooks.js'
import type { Client } from '../../types/client/client.js'
import type { ClientLimits } from '../../types/client/limits.js'
import type { MaybePromise } from '../../types/persistence.js'
import type { Identity, Subject } from './identity.js'
import type { Accepted, Attempt, Authenticator, Authorizer, Decision, ExtendedOutcome, Outcome, Part } from './parts.js'
import { UNKNOWN } from './parts.js'
import { type Origin, originOf } from './util/origin.js'

/** Name, reload, close and watch of several parts. */
function together(parts: readonly Part[]): Part {
  return {
    name: parts.map(({ name }) => name).join(', '),
    async reload() {
      const errors: unknown[] = []
      // an invalid one does not prevent the others from being read
      for (const part of parts) {
        try {
          await part.reload?.()
        } catch (error) {
          errors.push(...(error instanceof AggregateError ? error.errors : [error]))
        }
      }
      if (errors.length > 0) throw errors.length > 1 ? new AggregateError(errors) : errors[0]
    },
    close() {
      for (const part of parts) part.close?.()
    },
    watch(listener) {
      for (const part of parts) part.watch?.(listener)
    },
  }
}

/** The first authenticator that knows the client decides. */
export function firstToKnow(parts: readonly Authenticator[]): Authenticator {
  const steps = parts.filter(part => part.step !== undefined)
  const exchanges = new WeakMap<Client, Authenticator>()
  const step = async (client: Client, authentication: ExtendedAuthentication): Promise<ExtendedOutcome | undefined> => {
    if (authentication.step === 'continue') return exchanges.get(client)?.step?.(client, authentication)
    for (const part of steps) {
      const outcome = await part.step!(client, authentication)
      if (outcome === undefined) continue
      exchanges.set(client, part)
      return outcome
    }
    return undefined
  }
  return {
    ...together(parts),
    async authenticate(attempt) {
      for (const part of parts) {
        const outcome = await part.authenticate?.(attempt)
        if (outcome !== undefined) return outcome
      }
      return undefined
    },
    async mightKnow(subject) {
      for (const part of parts) {
        const known = (await part.mightKnow?.(subject)) ?? true
        if (known !== false) return known
      }
      return false
    },
    // only once, however many modules there are: the cost of one wrong password
    decoy: attempt => parts.find(part => part.decoy !== undefined)?.decoy?.(attempt),
    ...(steps.length > 0 && { step }),
  }
}

/** All authenticators must accept the client. The first one determines its identity. */
export function allToAgree(parts: readonly Authenticator[]): Authenticator {
  const self: Authenticator = {
    ...together(parts),
    async authenticate(attempt): Promise<Outcome> {
      const accepted: Accepted[] = []
      let refused: Outcome
      let knows = true
      // all are called, whatever the first one answers: the duration must not reveal which one refused
      for (const part of parts) {
        const outcome = await part.authenticate?.(attempt)
        if (outcome === undefined) {
          refused ??= await part.decoy?.(attempt)
          knows = false
        } else if ('denied' in outcome) refused ??= outcome
        else accepted.push(outcome)
      }
      if (refused !== undefined) return refused
      if (!knows) return { denied: 'not-accepted-here', by: self }
      return { identity: merged(accepted.map(({ identity }) => identity)), by: self, proof: accepted }
    },
    async stillKnows({ client, clientId, proof: accepted }) {
      let isAnother = false
      for (const each of accepted as Accepted[]) {
        const { by, identity, proof } = each
        const known =
          (await by.stillKnows?.({ client, clientId, username: identity.username, identity, proof })) ?? true
        if (known === false) return false
        if (known === true) continue
        each.identity = known
        isAnother = true
      }
      return !isAnother || merged((accepted as Accepted[]).map(({ identity }) => identity))
    },
    async mightKnow(subject) {
      for (const part of parts) if ((await part.mightKnow?.(subject)) === false) return false
      return true
    },
  }
  return self
}

/** The identity of the first, with roles, groups, attributes and rules of all, ending when the first of them ends. */
function merged(identities: readonly Identity[]): Identity {
  const [first] = identities
  const ends = identities.flatMap(({ expiresAt }) => expiresAt ?? [])
  const rules = identities.flatMap(identity => identity.rules ?? [])
  return {
    username: first?.username,
    roles: identities.flatMap(({ roles = [] }) => roles),
    groups: identities.flatMap(({ groups = [] }) => groups),
    attributes: Object.assign(Object.create(null), ...identities.map(({ attributes }) => attributes).reverse()),
    limits: narrowest(identities.flatMap(({ limits = [] }) => limits)),
    ...(ends.length > 0 && { expiresAt: Math.min(...ends) }),
    ...(rules.length > 0 && { rules }),
  }
}

/** The lowest of each limit. */
function narrowest(all: readonly ClientLimits[]): ClientLimits {
  const lowest: Record<string, number | boolean> = {}
  for (const [name, limit] of all.flatMap(limits => Object.entries<number | boolean | undefined>({ ...limits }))) {
    const known = lowest[name]
    // false is below true
    if (limit !== undefined && (known === undefined || limit < known)) lowest[name] = limit
  }
  return lowest
}

/** One authenticator per kind of client; clients of other kinds are refused. */
export function byKind(parts: ReadonlyMap<string, Authenticator>, kindOf: (origin: Origin) => string): Authenticator {
  const choose = (client: Client) => parts.get(kindOf(originOf(client)))
  const steps = [...parts.values()].some(part => part.step !== undefined)
  const nobody: Part = { name: 'nobody' }
  return {
    ...together([...new Set(parts.values())]),
    authenticate(attempt: Attempt): MaybePromise<Outcome> {
      const chosen = choose(attempt.client)
      return chosen === undefined ? { denied: 'not-accepted-here', by: nobody } : chosen.authenticate?.(attempt)
    },
    decoy: attempt => choose(attempt.client)?.decoy?.(attempt),
    mightKnow: subject => {
      const chosen = subject.origin && parts.get(kindOf(subject.origin))
      return chosen !== undefined && (chosen.mightKnow?.(subject) ?? true)
    },
    ...(steps && { step: (client, authentication) => choose(client)?.step?.(client, authentication) }),
  }
}

/** The first authorizer that knows the client decides. */
export function firstToDecide(parts: readonly Authorizer[]): Authorizer {
  const receivers = parts.filter(part => part.receive !== undefined)
  return {
    ...together(parts),
    ...ofAny(parts),
    publish: (subject, topic) => first(parts, 0, part => part.publish(subject, topic)),
    subscribe: (subject, filter) => first(parts, 0, part => part.subscribe(subject, filter)),
    ...(receivers.length > 0 && {
      receive: (subject, topic) => {
        for (const part of receivers) {
          const decision = part.receive!(subject, topic)
          if (decision.verdict !== 'unknown') return decision
        }
        return UNKNOWN
      },
    }),
  }
}

/** Options that apply to all if one of them sets it. */
function ofAny(parts: readonly Authorizer[]): Pick<Authorizer, 'olderClients' | 'retained'> {
  const keepers = parts.filter(part => part.retained !== undefined)
  return {
    ...(parts.some(part => part.olderClients === 'acknowledge') && { olderClients: 'acknowledge' }),
    ...(keepers.length > 0 && {
      retained: (publisher, topic) => strictest(keepers.map(part => part.retained!(publisher, topic))),
    }),
  }
}

function first(
  parts: readonly Authorizer[],
  from: number,
  ask: (part: Authorizer) => MaybePromise<Decision>,
): MaybePromise<Decision> {
  for (let index = from; index < parts.length; index++) {
    const decision = ask(parts[index]!)
    if (!('verdict' in decision)) {
      return decision.then(settled => (settled.verdict === 'unknown' ? first(parts, index + 1, ask) : settled))
    }
    if (decision.verdict !== 'unknown') return decision
  }
  return UNKNOWN
}

/** One authorizer that denies is enough; at least one must allow. */
export function allToAllow(parts: readonly Authorizer[]): Authorizer {
  const receivers = parts.filter(part => part.receive !== undefined)
  return {
    ...together(parts),
    ...ofAny(parts),
    publish: (subject, topic) => every(parts.map(part => part.publish(subject, topic))),
    subscribe: (subject, filter) => every(parts.map(part => part.subscribe(subject, filter))),
    ...(receivers.length > 0 && {
      receive: (subject, topic) => strictest(receivers.map(part => part.receive!(subject, topic))),
    }),
  }
}

function every(decisions: readonly MaybePromise<Decision>[]): MaybePromise<Decision> {
  const settled = decisions.filter((each): each is Decision => 'verdict' in each)
  return settled.length === decisions.length ? strictest(settled) : Promise.all(decisions).then(strictest)
}

function strictest(decisions: readonly Decision[]): Decision {
  const lasting = decisions.every(decision => decision.lasting)
  const decided =
    decisions.find(({ verdict }) => verdict === 'deny') ?? decisions.find(({ verdict }) => verdict === 'allow')
  return { ...(decided ?? UNKNOWN), lasting }
}

/** Restricts an authorizer to some clients; it leaves the others to other authorizers. */
export function only(part: Authorizer, isOne: (subject: Subject) => boolean): Authorizer {
  const { receive, retained, olderClients } = part
  return {
    name: part.name,
    ...(olderClients && { olderClients }),
    ...(retained && { retained: (subject, topic) => (isOne(subject) ? part.retained!(subject, topic) : UNKNOWN) }),
    publish: (subject, topic) => (isOne(subject) ? part.publish(subject, topic) : UNKNOWN),
    subscribe: (subject, filter) => (isOne(subject) ? part.subscribe(subject, filter) : UNKNOWN),
    ...(receive && { receive: (subject, topic) => (isOne(subject) ? part.receive!(subject, topic) : UNKNOWN) }),
    reload: () => part.reload?.(),
    close: () => part.close?.(),
    watch: listener => part.watch?.(listener),
  }
}
