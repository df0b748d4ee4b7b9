/**
 * `compose` and its kin: modules put together to one `Auth`.
 * Owns which clients are of which kind; how answers come together is in combine.ts.
 */
import { Auth, partsOf } from './auth.js'
import { allToAgree, allToAllow, byKind, firstToDecide, firstToKnow, only } from './combine.js'
import type { Subject } from './identity.js'
import { type AuthOptions, optionError } from './options.js'
import type { Authenticator, Authorizer, Parts } from './parts.js'
import type { Origin } from './util/origin.js'

/** How a client reaches the broker. `stream` is whatever is none of the others: a pair of streams in a test. */
export type TransportKind = 'tcp' | 'tls' | 'ws' | 'wss' | 'unix' | 'stream'

/**
 * One `Auth` of several: the first that knows the user lets it in or refuses it, and the first whose rules know the
 * client decides what it may do. A user that none knows is refused; where there are rules, a client that none of them
 * knows may do nothing.
 * @param modules in the order in which they are asked
 * @throws AnaxError ANAX_ERR_OPTION where one of them is no module, or there is none
 */
export function compose(modules: readonly Auth[], options: AuthOptions = {}): Auth {
  return joined(modules, options, { authenticators: firstToKnow, authorizers: firstToDecide })
}

/**
 * One `Auth` of several that must agree: every one that asks for credentials has to let the client in, with what the
 * first finds out as its identity; what one of them denies is denied, and one has to allow.
 * @throws AnaxError ANAX_ERR_OPTION as {@link compose}
 */
export function allOf(modules: readonly Auth[], options: AuthOptions = {}): Auth {
  return joined(modules, options, { authenticators: allToAgree, authorizers: allToAllow })
}

/**
 * A module for each transport; clients of the others are refused.
 * @throws AnaxError ANAX_ERR_OPTION as {@link compose}
 */
export function byTransport(modules: Partial<Record<TransportKind, Auth>>, options: AuthOptions = {}): Auth {
  return chosen(new Map(Object.entries(modules)), ({ transport }) => transport, options)
}

/**
 * A module for each listener, by the name that `anax/server` was given for it; clients of the others are refused.
 * @throws AnaxError ANAX_ERR_OPTION as {@link compose}
 */
export function byListener(modules: Readonly<Record<string, Auth>>, options: AuthOptions = {}): Auth {
  return chosen(new Map(Object.entries(modules)), ({ listener }) => listener, options)
}

/**
 * A module for each listener, by its port; clients of the others are refused.
 * @throws AnaxError ANAX_ERR_OPTION as {@link compose}
 */
export function byPort(modules: Readonly<Record<number, Auth>>, options: AuthOptions = {}): Auth {
  return chosen(new Map(Object.entries(modules)), ({ port }) => port, options)
}

interface Strategy {
  authenticators(parts: readonly Authenticator[]): Authenticator
  authorizers(parts: readonly Authorizer[]): Authorizer
}

function joined(modules: readonly Auth[], options: AuthOptions, strategy: Strategy): Auth {
  if (!Array.isArray(modules) || modules.length === 0) throw optionError('a list of modules is expected')
  const parts = modules.map(partsOf)
  const authenticators = parts.flatMap(({ authenticator }) => authenticator ?? [])
  const authorizers = parts.flatMap(({ authorizer }) => authorizer ?? [])
  return new Auth(
    {
      ...(authenticators.length > 0 && { authenticator: strategy.authenticators(authenticators) }),
      ...(authorizers.length > 0 && { authorizer: strategy.authorizers(authorizers) }),
    },
    options,
  )
}

function chosen(modules: ReadonlyMap<string, Auth>, kindOf: (origin: Origin) => string, options: AuthOptions): Auth {
  if (modules.size === 0) throw optionError('a module for each kind of client is expected')
  const parts = new Map([...modules].map(([kind, module]): [string, Parts] => [kind, partsOf(module)]))
  const authenticators = pick(parts, ({ authenticator }) => authenticator)
  const isOf = (kind: string) => (subject: Subject) => subject.origin !== undefined && kindOf(subject.origin) === kind
  const authorizers = [...pick(parts, ({ authorizer }) => authorizer)].map(([kind, part]) => only(part, isOf(kind)))
  return new Auth(
    {
      authenticator: byKind(withOpenDoors(parts, authenticators), kindOf),
      ...(authorizers.length > 0 && { authorizer: { ...firstToDecide(authorizers), ...retainedBy(parts) } }),
    },
    options,
  )
}

/**
 * Nothing tells where the publisher of a retained message came in: the message is withheld where no module would let it
 * write there.
 */
function retainedBy(parts: ReadonlyMap<string, Parts>): Pick<Authorizer, 'retained'> {
  const checks = [...parts.values()].flatMap(({ authorizer }) => authorizer?.retained?.bind(authorizer) ?? [])
  // one that does not ask is enough
  if (checks.length < parts.size) return { retained: undefined }
  return {
    retained: (publisher, topic) => {
      const decisions = checks.map(check => check(publisher, topic))
      return decisions.find(({ verdict }) => verdict !== 'deny') ?? decisions[0]!
    },
  }
}

/** A module that asks for no credentials lets its kind of client in, as it does alone. */
function withOpenDoors(
  parts: ReadonlyMap<string, Parts>,
  authenticators: ReadonlyMap<string, Authenticator>,
): Map<string, Authenticator> {
  const all = new Map(authenticators)
  for (const kind of parts.keys()) {
    if (all.has(kind)) continue
    const open: Authenticator = {
      name: 'open',
      authenticate: ({ username }) => ({ identity: { username }, by: open }),
    }
    all.set(kind, open)
  }
  return all
}

function pick<Part>(parts: ReadonlyMap<string, Parts>, choose: (parts: Parts) => Part | undefined): Map<string, Part> {
  return new Map(
    [...parts].flatMap(([kind, each]): [string, Part][] => {
      const part = choose(each)
      return part === undefined ? [] : [[kind, part]]
    }),
  )
}
