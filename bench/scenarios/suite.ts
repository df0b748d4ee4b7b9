/**
 * The scenarios of the Open MQTT Benchmark Suite as it describes them: its basic set by name and in full size, and its
 * enterprise set, scaled down to two cores.
 */
import { measureTraffic, pairs, type TrafficPlan } from '../load/traffic.js'
import { type BrokerName, type LoadContext, type Scenario, scenario } from '../types.js'
import { connectionRow } from './held/connections.js'

/** QoS 1 and 16 bytes of payload throughout, as the suite has it. */
const suite: Partial<TrafficPlan> = { qos: 1, payloadBytes: 16, window: 100 }

/** The basic set has one message a second from each publisher: within a second there would be none or one. */
const BASIC_SECONDS = 5

const brokersWithSessions: BrokerName[] = ['anax', 'mosquitto', 'aedes']
const allBrokers: BrokerName[] = ['anax', 'relay', 'mosquitto', 'aedes']
const brokersWithSharing: BrokerName[] = ['anax', 'mosquitto']

function atLeast(seconds: number, context: LoadContext): LoadContext {
  const { effort } = context
  return { ...context, effort: { ...effort, seconds: Math.max(seconds, effort.seconds) } }
}

function row(
  name: string,
  title: string,
  brokers: BrokerName[],
  plan: Partial<TrafficPlan>,
  leastSeconds = 0,
): Scenario {
  const whole = { ...pairs, ...suite, ...plan }
  return scenario({
    name,
    title,
    section: 'suite',
    brokers,
    quick: false,
    maxRepetitions: 2,
    run: context => measureTraffic(atLeast(leastSeconds, context), whole),
  })
}

/** Each publisher has its own topic, and the members of one group share the messages. */
function sharing(group: string, publishers: number, subscribers: number, perSecond: number): Partial<TrafficPlan> {
  return {
    version: 5,
    publishers,
    subscribers,
    topic: publisher => `test/${publisher}`,
    filters: () => [`$share/${group}/test/#`],
    sharing: 'group',
    pace: { perSecond },
  }
}

/** Every subscriber has all topics. */
function fanOut(publishers: number, subscribers: number, perSecond: number): Partial<TrafficPlan> {
  return {
    publishers,
    subscribers,
    topic: publisher => `bench/${publisher}`,
    filters: () => Array.from({ length: publishers }, (_, i) => `bench/${i}`),
    fanout: subscribers,
    pace: { perSecond },
  }
}

const basicSet: Scenario[] = [
  {
    ...connectionRow('conn-tcp-10K-100', '10,000 clients; the last 500 of them, at 100/s, are measured', 'suite', {
      clients: 500,
      earlier: 9500,
      perSecond: 100,
      addresses: 1,
    }),
    quick: false,
    maxRepetitions: 1,
  },
  row(
    'fanout-1-1K-1-1K',
    '1 publisher to 1,000 subscribers, QoS 1, 1 message/s',
    brokersWithSessions,
    fanOut(1, 1000, 1),
    BASIC_SECONDS,
  ),
  row(
    'p2p-1K-1K-1K-1K',
    '1,000 publishers to 1,000 subscribers by 1,000 topics, QoS 1, 1,000 messages/s',
    allBrokers,
    { publishers: 1000, subscribers: 1000, pace: { perSecond: 1000 } },
    BASIC_SECONDS,
  ),
  row(
    'sharedsub-1K-5-1K-1K',
    '1,000 publishers to 5 subscribers of one shared subscription, QoS 1, 1,000 messages/s',
    brokersWithSharing,
    sharing('perf', 1000, 5, 1000),
    BASIC_SECONDS,
  ),
]

const scaledEnterpriseSet: Scenario[] = [
  {
    ...connectionRow('conn-tcp-10K-5K', '10,000 clients connect at 5,000/s (1:100)', 'suite', {
      clients: 10_000,
      earlier: 0,
      perSecond: 5000,
      addresses: 1,
    }),
    quick: false,
  },
  row(
    'fanout-5-1000-5-10K',
    '5 publishers to 1,000 subscribers of all 5 topics, QoS 1, 10,000 deliveries/s (rate 1:25)',
    brokersWithSessions,
    fanOut(5, 1000, 10),
  ),
  row(
    'p2p-1K-1K-1K-10K',
    '1,000 publishers to 1,000 subscribers by 1,000 topics, QoS 1, 10,000/s (clients 1:50, rate 1:5)',
    allBrokers,
    { publishers: 1000, subscribers: 1000, pace: { perSecond: 10_000 } },
  ),
  row(
    'sharedsub-1K-10-1K-10K',
    '1,000 publishers to 10 subscribers of one shared subscription, QoS 1, 10,000/s (clients 1:50, rate 1:5)',
    brokersWithSharing,
    sharing('benchmark', 1000, 10, 10_000),
  ),
]

export const suiteScenarios: Scenario[] = [...basicSet, ...scaledEnterpriseSet]
