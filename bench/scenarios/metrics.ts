/** The cost of metrics: the same messages with `anax/metrics` and without. */
import { measureTraffic, pairs, type TrafficPlan } from '../load/traffic.js'
import { type Scenario, scenario } from '../types.js'
import { bursts } from './messages.js'

function row(name: string, title: string, plan: Partial<TrafficPlan>): Scenario {
  const whole = { ...pairs, ...plan }
  const brokers = ['anax', 'anax-metrics'] as const
  return scenario({ name, title, section: 'metrics', brokers, run: context => measureTraffic(context, whole) })
}

export const metricsScenarios: Scenario[] = [
  row('metrics-pairs', 'metrics on and off, QoS 0, 50 pairs, window 20', {}),
  row('metrics-bursts', 'metrics on and off, QoS 0, 10 pairs, pipelined bursts of 100', bursts),
]
