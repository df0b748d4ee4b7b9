/**
 * CONNECT with 1 MB of user properties, from clients that stay connected: with the default limits, and with higher
 * ones.
 */
import { connect5Packet } from '../../packets.js'
import type { Scenario } from '../scenario.js'

const PROPERTIES = 40_000

function userProperties(): Record<string, string> {
  return Object.fromEntries(Array.from({ length: PROPERTIES }, (_, i) => [`name-${i}`, `value-${i}`]))
}

const prepare: Scenario['prepare'] = async (broker, scale) => {
  const properties = { userProperties: userProperties() }
  const connects = Array.from({ length: Math.ceil(50 * scale) }, (_, i) => connect5Packet(`u${i}`, { properties }))
  return async () => {
    for (const connect of connects) await broker.answered(connect)
  }
}

export const userPropertiesRefused: Scenario = {
  name: 'CONNECT with 1 MB of user properties',
  bounds: { turnMs: 20, growthMb: 64, keptRatio: 1.3 },
  prepare,
}

export const userPropertiesTaken: Scenario = {
  name: 'CONNECT with 1 MB of user properties, where that is allowed',
  options: { maxConnectSize: 2 * 2 ** 20, maxUserProperties: 1_000_000 },
  // one packet is decoded in one step; nothing of it is kept afterwards
  bounds: { turnMs: 150, turnWithGcMs: 200, keptRatio: 1.3 },
  prepare,
}
