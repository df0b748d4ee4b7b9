/** All attacks, in the order in which they run. */
import { burstTo200, burstTo500 } from './burst.js'
import { connects } from './connects.js'
import { dripped } from './dripped.js'
import { expiry } from './expiry.js'
import { fanOut } from './fan-out.js'
import { filters } from './filters.js'
import { flood } from './flood.js'
import { frozen } from './frozen.js'
import { httpHeaders, tlsHandshakes } from './handshakes.js'
import { identities } from './identities.js'
import { massDisconnect } from './mass-disconnect.js'
import { matching } from './matching.js'
import { noAcknowledgements } from './no-acknowledgements.js'
import { passwords } from './passwords.js'
import { rate } from './rate.js'
import { retained } from './retained.js'
import type { Scenario } from './scenario.js'
import { largeSession, storedSessions } from './stored-sessions.js'
import { takeovers } from './takeovers.js'
import { userPropertiesRefused, userPropertiesTaken } from './user-properties.js'
import { webSockets } from './web-sockets.js'

export const SCENARIOS: readonly Scenario[] = [
  burstTo200,
  burstTo500,
  fanOut,
  flood,
  rate,
  connects,
  massDisconnect,
  takeovers,
  passwords,
  retained,
  filters,
  matching,
  storedSessions,
  largeSession,
  expiry,
  frozen,
  noAcknowledgements,
  tlsHandshakes,
  httpHeaders,
  webSockets,
  userPropertiesRefused,
  userPropertiesTaken,
  identities,
  dripped,
]
