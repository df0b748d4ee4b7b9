/**
 * The command and brokers of others, with each packet in a separate write and so in a TCP segment of its own, as most
 * clients send them: the load joins nothing.
 */
import { measureTraffic, pairs, type TrafficPlan } from '../load/traffic.js'
import { type BrokerName, peers, type Scenario, scenario } from '../types.js'
import { fanIn, fanOut, largePayloads, unhurried } from './messages.js'

export const commandAndOthers: readonly BrokerName[] = ['command', 'relay', 'mosquitto', 'aedes', ...peers]
const withoutRelay = commandAndOthers.filter(name => name !== 'relay')

function row(name: string, title: string, plan: Partial<TrafficPlan>, more: Partial<Scenario> = {}): Scenario {
  const whole: TrafficPlan = { ...pairs, writes: 'segments', ...plan }
  return scenario({
    name: `command-${name}`,
    title,
    section: 'command',
    brokers: commandAndOthers,
    run: context => measureTraffic(typeof whole.pace === 'object' ? unhurried(context) : context, whole),
    ...more,
  })
}

function qos2(window: number, title: string): Scenario {
  return row(`qos2-window-${window}`, title, { qos: 2, window }, { brokers: withoutRelay })
}

export const commandScenarios: Scenario[] = [
  row('qos0-pairs', 'QoS 0, 50 pairs, window 20', {}),
  row('qos0-single', 'QoS 0, 50 pairs, one message at a time', { window: 1 }),
  row('qos0-fan-in', 'QoS 0, 50 publishers, 1 subscriber on #', fanIn),
  row('qos0-bursts', 'QoS 0, 10 pairs, bursts of 100', { publishers: 10, subscribers: 10, window: 100, pace: 'burst' }),
  row('qos0-16k', 'QoS 0, 10 pairs, 16 KiB payload', largePayloads),
  row('qos1-pairs', 'QoS 1, 50 pairs, window 20', { qos: 1 }),
  row('qos1-fan-out-100', 'QoS 1, 1 publisher, 100 subscribers', { ...fanOut(100), qos: 1 }),
  qos2(1, 'QoS 2, 50 pairs, one message at a time'),
  qos2(20, 'QoS 2, 50 pairs, window 20'),
  qos2(100, 'QoS 2, 50 pairs, window 100'),
  row('10k-200', 'QoS 0, 200 pairs, 10,000 messages/s one by one', {
    publishers: 200,
    subscribers: 200,
    pace: { perSecond: 10_000 },
  }),
]
