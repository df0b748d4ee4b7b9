/** Lists the members of a store, for wrappers around each of its operations. Must not know what a wrapper does. */

export type Members = Record<string, (...args: unknown[]) => unknown>

/** Operations that return iterators. */
export const ITERABLES: ReadonlySet<string> = new Set(['queued', 'inflight', 'retained', 'sessions', 'wills'])

/** The names of all properties, own and inherited. Getters are not called: the store is not open yet. */
export function membersOf(object: object): Map<string, unknown> {
  const members = new Map<string, unknown>()
  for (let owner = object; owner !== null && owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(owner))) {
      if (!members.has(name)) members.set(name, value)
    }
  }
  return members
}
