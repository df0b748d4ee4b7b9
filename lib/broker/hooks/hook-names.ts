/** The names of the hooks that a host may set, as options and as properties of the broker. Only the list. */
import type { Hooks } from '../../../types/broker/hooks.js'

export const HOOKS = [
  'preConnect',
  'authenticate',
  'authenticateExtended',
  'authorizePublish',
  'authorizeSubscribe',
  'authorizeForward',
  'published',
] as const satisfies (keyof Hooks)[]
