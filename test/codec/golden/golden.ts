/**
 * Each control packet in each version and form, byte by byte: the table that decoder and encoder are tested against.
 */
import { CONNACKS, CONNECTS, ENDS, PINGS } from './connections.js'
import { ANSWERS, PUBLISHES, SUBSCRIBES, SUBSCRIPTION_IDENTIFIERS } from './messages.js'
import type { Golden } from './row.js'

export const GOLDEN: readonly Golden[] = [
  ...CONNECTS,
  ...CONNACKS,
  ...PUBLISHES,
  ...SUBSCRIPTION_IDENTIFIERS,
  ...ANSWERS,
  ...SUBSCRIBES,
  ...PINGS,
  ...ENDS,
]
