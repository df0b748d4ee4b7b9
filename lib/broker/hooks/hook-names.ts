/** The names of the hooks that a host may set, as options and as properties of the broker. Only the list. */
import type { Hooks } from '../../../types/broker/hooks.js'

/** An object, because the compiler then finds a missing name. */
const NAMES: Record<keyof Hooks, true> = {
  preConnect: true,
  authenticate: true,
  authenticateExtended: true,
  authorizePublish: true,
  authorizeSubscribe: true,
  authorizeForward: true,
  published: true,
}

export const HOOKS = Object.keys(NAMES) as (keyof Hooks)[]
