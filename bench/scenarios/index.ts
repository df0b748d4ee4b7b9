/** All scenarios, in the order of the report, and those behind the plots. */
import type { Scenario } from '../types.js'
import { commandScenarios } from './command.js'
import { connectingScenarios } from './connecting.js'
import { connectionScenarios } from './connections.js'
import { expiryScenarios } from './expiry.js'
import { growthScenarios } from './growth.js'
import { messageScenarios } from './messages.js'
import { metricsScenarios } from './metrics.js'
import { openScenarios } from './open.js'
import { queueScenarios } from './queue.js'
import { retainedScenarios } from './retained.js'
import { sessionScenarios } from './sessions.js'
import { storeScenarios } from './stores.js'
import { subscriptionScenarios } from './subscriptions.js'
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
