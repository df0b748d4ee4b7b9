/** Messages between connected clients: the rows with the cost of a delivery. */
import { threeProperties } from '../load/clients/packets.js'
import { measureTraffic, pairs, type TrafficPlan } from '../load/traffic.js'
import { type BrokerName, type LoadContext, plainSetup, type Scenario, scenario } from '../types.js'

const withoutRelay: BrokerName[] = ['anax', 'mosquitto', 'aedes']

function row(name: string, title: string, plan: Partial<TrafficPlan>, more: Partial<Scenario> = {}): Scenario {
  const whole = { ...pairs, ...plan }
  return scenario({ name, title, section: 'messages', run: context => measureTraffic(context, whole), ...more })
}

/** One publisher whose messages go to many subscribers. */
export function fanOut(subscribers: number): Partial<TrafficPlan> {
  return {
    publishers: 1,
    subscribers,
    topic: () => 'bench/fan-out',
    filters: () => ['bench/fan-out'],
    fanout: subscribers,
  }
}

/** At a low rate rare delays take longer to appear. */
export function unhurried(context: LoadContext): LoadContext {
  const { effort } = context
  return { ...context, effort: { ...effort, seconds: effort.seconds * 2 } }
}

/** With the default options of a first client. */
function fresh(context: LoadContext): LoadContext {
  return { ...context, effort: { ...context.effort, warmup: 0, seconds: 1 } }
}

const tenThousand: TrafficPlan = { ...pairs, pace: { perSecond: 10_000 } }

export const bursts: Partial<TrafficPlan> = { publishers: 10, subscribers: 10, window: 100, pace: 'burst' }

export const largePayloads: Partial<TrafficPlan> = { publishers: 10, subscribers: 10, window: 10, payloadBytes: 16_384 }

export const fanIn: Partial<TrafficPlan> = { subscribers: 1, filters: () => ['#'] }

export const messageScenarios: Scenario[] = [
  row('qos0-pairs', 'QoS 0, 50 pairs, window 20', {}),
  row('qos0-single', 'QoS 0, 50 pairs, one message at a time', { window: 1 }),
  row('qos0-fan-in', 'QoS 0, 50 publishers, 1 subscriber on #', fanIn),
  row('qos0-fan-out-100', 'QoS 0, 1 publisher, 100 subscribers', fanOut(100)),
  row('qos0-fan-out-1000', 'QoS 0, 1 publisher, 1,000 subscribers', fanOut(1000), { quick: false }),
  row('qos0-bursts', 'QoS 0, 10 pairs, pipelined bursts of 100', bursts),
  row('qos0-16k', 'QoS 0, 10 pairs, 16 KiB payload', largePayloads),
  row('qos0-16k-application', 'the same, in a program with 16 MB of objects', largePayloads, {
    brokers: ['anax', 'relay', 'aedes'],
    setup: { ...plainSetup, heap: 'application' },
  }),
  row('qos1-pairs', 'QoS 1, 50 pairs, window 20', { qos: 1 }),
  row('qos1-fan-out-100', 'QoS 1, 1 publisher, 100 subscribers', { ...fanOut(100), qos: 1 }, { brokers: withoutRelay }),
  row('qos2-pairs', 'QoS 2, 50 pairs, window 20', { qos: 2 }, { brokers: withoutRelay }),
  row(
    'v5-properties',
    'MQTT 5.0, QoS 1, 50 pairs, 3 properties',
    { qos: 1, version: 5, properties: threeProperties },
    { brokers: ['anax', 'mosquitto'] },
  ),
  row(
    'qos0-hooks',
    'QoS 0, 50 pairs, synchronous authorise hooks',
    {},
    { brokers: ['anax', 'relay', 'aedes'], setup: { ...plainSetup, hooks: 'authorise' } },
  ),
  row(
    'qos0-acl',
    'QoS 0, 50 pairs, 10,000 rules of 1,000 users',
    {},
    { brokers: ['anax'], setup: { ...plainSetup, hooks: 'acl' } },
  ),
  row('qos0-fan-out-100-acl', 'QoS 0, 1 publisher, 100 subscribers, the same rules', fanOut(100), {
    brokers: ['anax'],
    setup: { ...plainSetup, hooks: 'acl' },
  }),
  row('tls-pairs', 'QoS 0, 50 pairs, TLS', {}, { setup: { ...plainSetup, transport: 'tls' } }),
  row(
    'ws-pairs',
    'QoS 0, 50 pairs, WebSocket',
    {},
    { brokers: ['anax', 'relay', 'aedes'], setup: { ...plainSetup, transport: 'ws' } },
  ),
  scenario({
    name: 'latency-10k',
    title: 'QoS 0, 50 pairs, 10,000 messages/s',
    section: 'messages',
    headline: 'p99',
    run: context => measureTraffic(unhurried(context), tenThousand),
  }),
  scenario({
    name: 'latency-10k-fresh',
    title: 'the same, the first second of a process',
    section: 'messages',
    headline: 'p99',
    run: context => measureTraffic(fresh(context), tenThousand),
  }),
]
