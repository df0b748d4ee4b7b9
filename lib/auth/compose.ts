/**
 * `compose` and similar functions: combine modules to one `Auth`. Owns the kinds of clients; combine.ts combines the
 * answers.
 */
import { Auth, partsOf } from './auth.js'
import { allToAgree, allToAllow, byKind, firstToDecide, firstToKnow, only } from './combine.js'
import type { Subject } from './identity.js'
import { type AuthOptions, optionError } from './options.js'
import type { Authenticator, Authorizer, Parts } from './parts.js'
import type { Origin } from './util/origin.js'

/** How a client reaches the broker. `stream` is any other stream, such as a pair of streams in a test. */
export type TransportKind = 'tcp' | 'tls' | 'ws' | 'wss' | 'unix' | 'stream'

/**
 * Combines several modules. The first one that knows the user accepts or refuses it, and the first one with rules for
 * the client decides what it may do. A user that no module knows is refused. If any module has rules, a client without
 * rules may do nothing.
 * @param modules in the order in which they are asked
 * @throws AnaxError ANAX_ERR_OPTION if one of them is not a module, or there is none
 */
export function compose(modules: readonly Auth[], options: AuthOptions = {}): Auth {
  return joined(modules, options, { authenticators: firstToKnow, authorizers: firstToDecide })
}

/**
 * Combines several modules that must agree. Every module that checks credentials must accept the client; the first one
 * determines its identity. An action is denied if one module denies it; at least one must allow it.
 * @throws AnaxError ANAX_ERR_OPTION like {@link compose}
 */
export function allOf(modules: readonly Auth[], options: AuthOptions = {}): Auth {
  return joined(modules, options, { authenticators: allToAgree, authorizers: allToAllow })
}

/**
 * A module for each transport; clients of other transports are refused.
 * @throws AnaxError ANAX_ERR_OPTION like {@link compose}
 */
export function byTransport(modules: Partial<Record<TransportKind, Auth>>, options: AuthOptions = {}): Auth {
  return chosen(new Map(Object.entries(modules)), ({ transport }) => transport, options)
}

/**
 * A module for each listener, by its name in the options of `anax/server`; clients of other listeners are refused.
 * @throws AnaxError ANAX_ERR_OPTION like {@link compose}
 */
export function byListener(modules: Readonly<Record<string, Auth>>, options: AuthOptions = {}): Auth {
  return chosen(new Map(Object.entries(modules)), ({ listener }) => listener, options)
}

/**
 * A module for each listener, by its port; clients of other ports are refused.
 * @throws AnaxError ANAX_ERR_OPTION like {@link compose}
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
 * The listener of a retained message's publisher is not known, so the message is withheld only if no module would allow
 * the publisher to write there.
 */
function retainedBy(parts: ReadonlyMap<string, Parts>): Pick<Authorizer, 'retained'> {
  const checks = [...parts.values()].flatMap(({ authorizer }) => authorizer?.retained?.bind(authorizer) ?? [])
  // one module that does not check publishers is enough
  if (checks.length < parts.size) return { retained: undefined }
  return {
    retained: (publisher, topic) => {
      const decisions = checks.map(check => check(publisher, topic))
      return decisions.find(({ verdict }) => verdict !== 'deny') ?? decisions[0]!
    },
  }
}

/** A module without authentication accepts its kind of client, as it does when used alone. */
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
