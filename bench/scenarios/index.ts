/** All scenarios, in the order of the report, and those behind the plots. */
import type { Scenario } from '../types.js'
import { commandScenarios } from './command.js'
import { connectingScenarios } from './connecting.js'
import { connectionScenarios } from './held/connections.js'
import { expiryScenarios } from './held/expiry.js'
import { growthScenarios } from './held/growth.js'
import { openScenarios } from './held/open.js'
import { queueScenarios } from './held/queue.js'
import { retainedScenarios } from './held/retained.js'
import { sessionScenarios } from './held/sessions.js'
import { storeScenarios } from './held/stores.js'
import { subscriptionScenarios } from './held/subscriptions.js'
import { messageScenarios } from './messages.js'
import { metricsScenarios } from './metrics.js'
import { suiteScenarios } from './suite.js'

export const scenarios: readonly Scenario[] = [
  ...commandScenarios,
  ...connectingScenarios,
  ...messageScenarios,
  ...metricsScenarios,
  ...storeScenarios,
  ...suiteScenarios,
  ...connectionScenarios,
  ...sessionScenarios,
  ...subscriptionScenarios,
  ...retainedScenarios,
  ...queueScenarios,
  ...expiryScenarios,
  ...openScenarios,
]

export function findScenario(name: string): Scenario {
  const found = [...scenarios, ...growthScenarios].find(scenario => scenario.name === name)
  if (found === undefined) throw new Error(`no scenario ${name}`)
  return found
}
