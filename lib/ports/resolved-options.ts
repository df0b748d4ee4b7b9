/** The options of a broker with their defaults filled in. Without the hooks and parts, which have places of their own. */
import type { BrokerOptions } from '../../types/options.js'

type Gates = 'preConnect' | 'authenticate' | 'authenticateExtended' | 'authorizePublish' | 'authorizeSubscribe'
/** Off unless given. */
export type Switched =
  | 'rates'
  | 'authenticationDelay'
  | 'flapping'
  | 'queueLimits'
  | 'responseInformation'
  | 'logger'
  | 'maxClientsIdLength'
type Parts = 'mq' | 'persistence' | 'cluster' | 'clock' | 'authorizeForward' | 'published'

/** Options with their defaults. */
export type ResolvedOptions = Required<Omit<BrokerOptions, Gates | Parts | Switched>> & Pick<BrokerOptions, Switched>
