/**
 * The basic scenarios of the Open MQTT Benchmark Suite (singlenode-conn-tcp-1M-5K, -fanout-5-1000-5-250K,
 * -p2p-50K-50K-50K-50K and -sharesub-50K-500-50K-50K) as it describes them, scaled down to two cores.
 */
import { measureTraffic, pairs, type TrafficPlan } from '../load/traffic.js'
import { type BrokerName, type Scenario, scenario } from '../types.js'
import { connectionRow } from './connections.js'

/** QoS 1 and 16 bytes of payload throughout, as the suite has it. */
const suite: Partial<TrafficPlan> = { qos: 1, payloadBytes: 16, window: 100 }

function row(name: string, title: string, plan: Partial<TrafficPlan>, brokers: BrokerName[]): Scenario {
  const whole = { ...pairs, ...suite, ...plan }
  return scenario({
    name,
    title,
    section: 'suite',
    brokers,
    quick: false,
    maxRepetitions: 2,
    run: context => measureTraffic(context, whole),
  })
}

export const suiteScenarios: Scenario[] = [
  {
    ...connectionRow('conn-tcp-10K-5K', '10,000 clients connect at 5,000/s (1:100)', 'suite', {
      clients: 10_000,
      perSecond: 5000,
      addresses: 1,
    }),
    quick: false,
  },
  row(
    'fanout-5-1000-5-10K',
    '5 publishers to 1,000 subscribers of all 5 topics, QoS 1, 10,000 deliveries/s (rate 1:25)',
    {
      publishers: 5,
      subscribers: 1000,
      topic: publisher => `bench/${publisher}`,
      filters: () => Array.from({ length: 5 }, (_, i) => `bench/${i}`),
      fanout: 1000,
      pace: { perSecond: 10 },
    },
    ['anax', 'mosquitto', 'aedes'],
  ),
  row(
    'p2p-1K-1K-1K-10K',
    '1,000 publishers to 1,000 subscribers by 1,000 topics, QoS 1, 10,000/s (clients 1:50, rate 1:5)',
    { publishers: 1000, subscribers: 1000, pace: { perSecond: 10_000 } },
    ['anax', 'relay', 'mosquitto', 'aedes'],
  ),
  row(
    'fanin-sharesub-1K-10-1K-10K',
    '1,000 publishers to 10 subscribers of one shared subscription, QoS 1, 10,000/s (clients 1:50, rate 1:5)',
    {
      version: 5,
      publishers: 1000,
      subscribers: 10,
      topic: publisher => `test/${publisher}`,
      filters: () => ['$share/benchmark/test/#'],
      sharing: 'group',
      pace: { perSecond: 10_000 },
    },
    ['anax', 'mosquitto'],
  ),
]
