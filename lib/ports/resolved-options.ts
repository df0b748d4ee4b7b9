/** The options of a broker with their defaults filled in, without hooks and parts. */
import type { BrokerOptions } from '../../types/broker/options.js'

type Gates = 'preConnect' | 'authenticate' | 'authenticateExtended' | 'authorizePublish' | 'authorizeSubscribe'
/** Options that are off by default. */
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
