/** All attacks, in the order in which they run. */
import { burstTo200, burstTo500 } from './burst.js'
import { connects } from './connects.js'
import { dripped } from './dripped.js'
import { fanOut } from './fan-out.js'
import { filters } from './filters.js'
import { flood } from './flood.js'
import { frozen } from './frozen.js'
import { identities } from './identities.js'
import { matching } from './matching.js'
import { noAcknowledgements } from './no-acknowledgements.js'
import { passwords } from './passwords.js'
import { retained } from './retained.js'
import type { Scenario } from './scenario.js'
import { largeSession, storedSessions } from './stored-sessions.js'
import { userPropertiesRefused, userPropertiesTaken } from './user-properties.js'
import { webSockets } from './web-sockets.js'

export const SCENARIOS: readonly Scenario[] = [
  burstTo200,
  burstTo500,
  fanOut,
  flood,
  connects,
  passwords,
  retained,
  filters,
  matching,
  storedSessions,
  largeSession,
  frozen,
  noAcknowledgements,
  webSockets,
  userPropertiesRefused,
  userPropertiesTaken,
  identities,
  dripped,
]
