/**
 * The cost of a delivery while one thing grows: the number of clients, of subscriptions or retained messages, the size
 * of a payload. Each point of a plot is a scenario.
 */
import { pairs, Traffic, type TrafficPlan } from '../../load/traffic.js'
import { type BrokerName, type LoadContext, type Sample, type Scenario, scenario } from '../../types.js'
import { retain } from './retained.js'
import { Holders } from './subscriptions.js'

/** A curve for each broker: cost against `x`. */
export interface Growth {
  /** Name of the file, without the directory and the extension. */
  name: string
  title: string
  /** A remark that is needed to read it. */
  remark: string
  xLabel: string
  xUnit: 'count' | 'bytes'
  yScale: 'linear' | 'logarithmic'
  points: readonly GrowthPoint[]
}

export interface GrowthPoint {
  x: number
  scenario: Scenario
}

interface Curve extends Omit<Growth, 'points'> {
  xs: number[]
  /** The last point of a quick run. */
  quickUpTo: number
  brokers?: BrokerName[]
  openFiles?(x: number): number
  plan(x: number): Partial<TrafficPlan>
  /** What the broker has to store before messages are sent. */
  prepare?(context: LoadContext, x: number): Promise<void>
}

async function measurePoint(context: LoadContext, curve: Curve, x: number): Promise<Sample> {
  await curve.prepare?.(context, x)
  const plan = { ...pairs, ...curve.plan(x) }
  const traffic = await Traffic.open(context, plan)
  return traffic.measure()
}

function growth(curve: Curve): Growth {
  const { name, title, xs, quickUpTo, brokers = ['anax', 'relay', 'mosquitto'], openFiles } = curve
  const points = xs.map(x => ({
    x,
    scenario: scenario({
      name: `${name}-${x}`,
      title: `${title}: ${x.toLocaleString('en-US')}`,
      section: 'growth',
      brokers,
      quick: x <= quickUpTo,
      timeLimit: 120,
      openFiles: openFiles?.(x) ?? 1000,
      run: context => measurePoint(context, curve, x),
    }),
  }))
  return { ...curve, points }
}

const RATE = 20_000

export const growths: readonly Growth[] = [
  growth({
    name: 'clients',
    title: 'Clients connected',
    remark: `QoS 0, half publish and half subscribe in pairs, ${RATE.toLocaleString('en-US')} messages/s in all`,
    xLabel: 'clients',
    xUnit: 'count',
    yScale: 'linear',
    xs: [100, 300, 1000, 3000, 10_000],
    quickUpTo: 1000,
    openFiles: x => x + 1000,
    plan: x => ({ publishers: x / 2, subscribers: x / 2, pace: { perSecond: RATE } }),
  }),
  growth({
    name: 'subscriptions',
    title: 'Subscriptions held',
    remark: 'QoS 0, 50 pairs, window 20; by 100 other clients, a tenth with a wildcard (for the relay: none)',
    xLabel: 'subscriptions held',
    xUnit: 'count',
    yScale: 'linear',
    xs: [100, 1000, 10_000, 100_000, 1_000_000],
    quickUpTo: 10_000,
    plan: () => ({}),
    prepare: async (context, x) => {
      const holders = await Holders.open(context)
      await holders.subscribeUpTo(x)
    },
  }),
  growth({
    name: 'retained',
    title: 'Retained messages held',
    remark: 'QoS 0, 50 pairs, window 20; 64 bytes of payload retained on each of as many topics',
    xLabel: 'retained messages',
    xUnit: 'count',
    yScale: 'linear',
    xs: [100, 1000, 10_000, 100_000, 1_000_000],
    quickUpTo: 10_000,
    brokers: ['anax', 'mosquitto'],
    plan: () => ({}),
    prepare: retain,
  }),
  growth({
    name: 'payload',
    title: 'Size of the payload',
    remark: 'QoS 0, 10 pairs, window 10',
    xLabel: 'bytes of payload',
    xUnit: 'bytes',
    yScale: 'logarithmic',
    xs: [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144],
    quickUpTo: 16_384,
    plan: payloadBytes => ({ publishers: 10, subscribers: 10, window: 10, payloadBytes }),
  }),
]

export const growthScenarios: readonly Scenario[] = growths.flatMap(({ points }) => points.map(point => point.scenario))
