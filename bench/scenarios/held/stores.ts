/** Messages that must be stored before they are acknowledged: queued and retained ones. Compares stores. */
import { measureTraffic, pairs, type TrafficPlan } from '../../load/traffic.js'
import { type BrokerName, type Scenario, scenario } from '../../types.js'

/** In memory first, then on a disk, the safest first. */
export const withStores: readonly BrokerName[] = [
  'anax',
  'anax-lmdb-commit',
  'anax-lmdb-sync',
  'mosquitto',
  'mosquitto-autosave',
  'mosquitto-autosave-1s',
  'aedes',
  'aedes-level',
]

function row(name: string, title: string, plan: Partial<TrafficPlan>): Scenario {
  return scenario({
    name,
    title,
    section: 'stores',
    brokers: withStores,
    run: context => measureTraffic(context, { ...pairs, qos: 1, ...plan }),
  })
}

export const storeScenarios: Scenario[] = [
  row('qos1-stored', 'QoS 1, 50 pairs, window 20, stored sessions', { session: 'stored' }),
  row('qos1-retained', 'QoS 1, 50 pairs, window 20, each message retained in place of the one before', {
    retain: 'retain',
  }),
]
