/**
 * `compose` and its kin: modules put together to one `Auth`.
 * Owns which clients are of which kind; how answers come together is in combine.ts.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Client } from '../../types/client.js'
import { Auth, partsOf } from './auth.js'
import { allToAgree, allToAllow, byKind, firstToDecide, firstToKnow, only } from './combine.js'
import { type Subject, subjectClient } from './identity.js'
import { type AuthOptions, optionError } from './options.js'
import type { Authenticator, Authorizer, Parts } from './parts.js'

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
  return chosen(new Map(Object.entries(modules)), transportOf, options)
}

/**
 * A module for each listener, by the name that `anax/server` was given for it; clients of the others are refused.
 * @throws AnaxError ANAX_ERR_OPTION as {@link compose}
 */
export function byListener(modules: Readonly<Record<string, Auth>>, options: AuthOptions = {}): Auth {
  return chosen(new Map(Object.entries(modules)), client => client.details.listener ?? '', options)
}

/**
 * A module for each listener, by its port; clients of the others are refused.
 * @throws AnaxError ANAX_ERR_OPTION as {@link compose}
 */
export function byPort(modules: Readonly<Record<number, Auth>>, options: AuthOptions = {}): Auth {
  return chosen(new Map(Object.entries(modules)), client => String(socketOf(client).localPort), options)
}

/** How a client reaches the broker: what the listener says, or what the stream is. */
export function transportOf(client: Pick<Client, 'conn' | 'req' | 'details'>): string {
  if (client.details.transport !== undefined) return client.details.transport
  const socket = socketOf(client)
  const isSecure = socket.encrypted === true
  if (client.req !== undefined) return isSecure ? 'wss' : 'ws'
  if (isSecure) return 'tls'
  if (socket.remoteAddress !== undefined) return 'tcp'
  return socket.remoteFamily === undefined && 'connecting' in socket ? 'unix' : 'stream'
}

function socketOf({ conn, req }: Pick<Client, 'conn' | 'req'>): Partial<Socket & TLSSocket> {
  return (req?.socket ?? conn) as Partial<Socket & TLSSocket>
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

function chosen(modules: ReadonlyMap<string, Auth>, kindOf: (client: Client) => string, options: AuthOptions): Auth {
  if (modules.size === 0) throw optionError('a module for each kind of client is expected')
  const parts = new Map([...modules].map(([kind, module]): [string, Parts] => [kind, partsOf(module)]))
  const authenticators = pick(parts, ({ authenticator }) => authenticator)
  const isOf = (kind: string) => (subject: Subject) => {
    const client = subjectClient(subject)
    return client !== undefined && kindOf(client) === kind
  }
  const authorizers = [...pick(parts, ({ authorizer }) => authorizer)].map(([kind, part]) => only(part, isOf(kind)))
  return new Auth(
    {
      authenticator: byKind(withOpenDoors(parts, authenticators), kindOf),
      ...(authorizers.length > 0 && { authorizer: firstToDecide(authorizers) }),
    },
    options,
  )
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
