/**
 * Each control packet in each version and form, byte by byte: the table that decoder and encoder are tested against.
 */
import { CONNACKS, CONNECTS, ENDS, PINGS } from './golden-connections.js'
import { ANSWERS, PUBLISHES, SUBSCRIBES, SUBSCRIPTION_IDENTIFIERS } from './golden-messages.js'
import type { Golden } from './golden-row.js'

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
