/** All attacks, in the order in which they run. */

import { connects } from './connections/connects.js'
import { dripped } from './connections/dripped.js'
import { frozen } from './connections/frozen.js'
import { httpHeaders, tlsHandshakes } from './connections/handshakes.js'
import { identities } from './connections/identities.js'
import { massDisconnect } from './connections/mass-disconnect.js'
import { passwords } from './connections/passwords.js'
import { takeovers } from './connections/takeovers.js'
import { webSockets } from './connections/web-sockets.js'
import { burstTo200, burstTo500 } from './messages/burst.js'
import { fanOut } from './messages/fan-out.js'
import { flood } from './messages/flood.js'
import { noAcknowledgements } from './messages/no-acknowledgements.js'
import { rate } from './messages/rate.js'
import { userPropertiesRefused, userPropertiesTaken } from './messages/user-properties.js'
import type { Scenario } from './scenario.js'
import { expiry } from './storage/expiry.js'
import { filters } from './storage/filters.js'
import { matching } from './storage/matching.js'
import { retained } from './storage/retained.js'
import { largeSession, storedSessions } from './storage/stored-sessions.js'

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
