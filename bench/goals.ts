/**
 * The goals of Anax, which the benchmark checks: the maximum of a metric of a scenario, as a ratio to a peer in the
 * same run, or as a value. A missed goal stays here and is reported as missed.
 */
import type { BrokerName, MetricName } from './types.js'

export interface Goal {
  scenario: string
  metric: MetricName
  /** `itself`: the bound is on the value, not on a ratio. */
  to: BrokerName | 'itself'
  most: number
  /**
   * The broker.
   * @default 'anax'
   */
  of?: BrokerName
}

type Peer = Exclude<BrokerName, 'anax'>

function cpu(scenario: string, most: Partial<Record<Peer, number>>): Goal[] {
  return Object.entries(most).map(([to, bound]) => ({ scenario, metric: 'cpu', to: to as Peer, most: bound }))
}

/** Goals of the command, relative to the bare relay and to a broker in Rust. */
function command(scenario: string, most: { relay?: number; rumqttd?: number }): Goal[] {
  return cpu(`command-${scenario}`, most).map(goal => ({ ...goal, of: 'command' }))
}

function itself(scenario: string, most: Partial<Record<MetricName, number>>): Goal[] {
  return Object.entries(most).map(([metric, bound]) => ({
    scenario,
    metric: metric as MetricName,
    to: 'itself',
    most: bound,
  }))
}

export const goals: readonly Goal[] = [
  ...command('qos0-pairs', { relay: 1, rumqttd: 0.8 }),
  ...command('qos0-single', { relay: 1.2, rumqttd: 0.8 }),
  ...command('qos0-fan-in', { relay: 1, rumqttd: 0.75 }),
  ...command('qos0-bursts', { relay: 2.5, rumqttd: 0.5 }),
  ...command('qos0-16k', { relay: 1.05, rumqttd: 0.25 }),
  ...command('qos1-pairs', { relay: 0.9, rumqttd: 0.8 }),
  ...command('qos1-fan-out-100', { relay: 1.4, rumqttd: 0.8 }),
  ...command('qos2-window-20', { rumqttd: 0.8 }),
  ...command('10k-200', { relay: 1.2 }),
  ...command('connect', { relay: 1.2 }),

  ...cpu('qos0-pairs', { relay: 1.4, mosquitto: 0.8, aedes: 0.5 }),
  ...cpu('qos0-single', { relay: 1.3, mosquitto: 1.1, aedes: 0.65 }),
  ...cpu('qos0-fan-in', { relay: 1.4, mosquitto: 0.9, aedes: 0.6 }),
  ...cpu('qos0-fan-out-100', { relay: 2, mosquitto: 0.2, aedes: 0.15 }),
  ...cpu('qos0-fan-out-1000', { relay: 2, mosquitto: 0.2, aedes: 0.15 }),
  ...cpu('qos0-bursts', { relay: 3, mosquitto: 0.1, aedes: 0.1 }),
  ...cpu('qos0-16k', { relay: 1.3, mosquitto: 1, aedes: 0.8 }),
  ...cpu('qos1-pairs', { relay: 1.5, mosquitto: 0.7, aedes: 0.45 }),
  ...cpu('qos1-fan-out-100', { mosquitto: 0.25, aedes: 0.2 }),
  ...cpu('qos2-pairs', { mosquitto: 0.6, aedes: 0.4 }),
  ...cpu('qos1-stored', { mosquitto: 0.8, aedes: 0.4 }),
  ...cpu('v5-properties', { mosquitto: 0.8 }),
  ...cpu('qos0-hooks', { relay: 1.5, aedes: 0.5 }),
  ...cpu('tls-pairs', { relay: 1.5, aedes: 0.7 }),
  ...cpu('ws-pairs', { relay: 1.5, aedes: 0.7 }),

  { scenario: 'metrics-pairs', metric: 'cpu', to: 'anax', most: 1.05, of: 'anax-metrics' },
  { scenario: 'metrics-bursts', metric: 'cpu', to: 'anax', most: 1.05, of: 'anax-metrics' },

  { scenario: 'latency-10k', metric: 'p99', to: 'mosquitto', most: 1.5 },
  ...itself('latency-10k', { p999: 20 }),

  ...cpu('conn-storm', { relay: 2 }),
  ...itself('conn-storm', { refused: 0 }),
  ...itself('conn-50k', { refused: 0 }),

  { scenario: 'idle-connections', metric: 'residentEach', to: 'relay', most: 1.15 },
  { scenario: 'idle-connections-tls', metric: 'residentEach', to: 'relay', most: 1.1 },
  ...itself('sessions', { heapEach: 350 }),
  ...itself('subscriptions', { heapEach: 300, growth: 1.5, linearity: 1.5 }),
  ...itself('retained', { heapEach: 400, first: 1, stall: 10, proportion: 2 }),
  ...itself('queue-1m', { linearity: 1.5, drainEvenness: 1.5 }),
  { scenario: 'open', metric: 'start', to: 'itself', most: 1000, of: 'anax-lmdb-commit' },
  { scenario: 'expiry', metric: 'stall', to: 'itself', most: 20 },
  { scenario: 'expiry', metric: 'stall', to: 'itself', most: 20, of: 'anax-lmdb-commit' },
]
