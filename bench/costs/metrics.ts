/**
 * What it costs to be measured: the time of a QoS 0 message from one client to another in one process, without sockets,
 * which would hide it. With packets and bytes not counted at all, with the counters that the broker always has, and
 * with `anax/metrics`; optionally another checkout as well.
 *
 *   npm run build && node dist/bench/costs/metrics.js [--against DIR] [--pairs N]
 *
 * Each figure is from a process of its own, as compiled code depends on what ran before. The least of many rounds
 * counts: what else the machine does can only add to it.
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { encode } from '../../lib/codec/index.js'
import { Frame } from '../../lib/codec/wire/frame.js'
import { ConnectionTraffic, Traffic } from '../../lib/model/metering/traffic.js'
import type { Broker } from '../../types/broker/broker.js'
import { MessagePair } from '../load/message-pair.js'

/** Of a burst, as clients that pipeline send them; and one message at a time, in turns of their own. */
const KINDS = { bursts: 100, singles: 1 } as const
type Kind = keyof typeof KINDS

/** What is counted: nothing; what the broker always counts; that, and the samples of `anax/metrics`. */
type Counting = 'none' | 'off' | 'on'

const MESSAGES_PER_ROUND = 4000
const ROUNDS = 250

/** @returns nanoseconds for each message, in the cheapest round */
async function measure(checkout: string, kind: Kind, counting: Counting): Promise<number> {
  const load = (file: string) => import(pathToFileURL(resolve(checkout, 'dist/lib', file)).href)
  if (counting === 'none') countNothing((await load('model/metering/traffic.js')).ConnectionTraffic)
  const { createBroker } = await load('index.js')
  const { encode: encoder } = await load('codec/index.js')
  const broker: Broker = await createBroker()
  const metrics = counting === 'on' ? await (await load('metrics/index.js')).createMetrics(broker) : undefined
  const pair = await MessagePair.connect(broker, encoder, KINDS[kind])
  const chunks = MESSAGES_PER_ROUND / KINDS[kind]
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const begun = process.hrtime.bigint()
    await pair.send(chunks)
    least = Math.min(least, Number(process.hrtime.bigint() - begun) / MESSAGES_PER_ROUND)
  }
  const { messages } = broker.stats().sent
  if (messages[0] > 0 === (counting === 'none')) throw new Error(`${messages[0]} messages were counted`)
  metrics?.close()
  await broker.close()
  return least
}

/**
 * The counters by themselves, of a message that comes and goes: a difference of a few nanoseconds is lost in what a
 * broker varies by from process to process.
 * @returns nanoseconds for each message, in the cheapest round
 */
function measureCounters(kind: Kind): number {
  const all = new Traffic()
  const [publisher, subscriber] = [new ConnectionTraffic(all), new ConnectionTraffic(all)]
  const perChunk = KINDS[kind]
  const message = { topic: 'a/b/c', payload: Buffer.alloc(64), qos: 0, retain: false, dup: false } as const
  const packet = encode({ cmd: 'publish', ...message }, 4)
  const frames = Array.from({ length: perChunk }, () => new Frame(packet, 0, packet.length, 0, undefined, 64))
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const begun = process.hrtime.bigint()
    for (let sent = 0; sent < MESSAGES_PER_ROUND; sent += perChunk) {
      publisher.arrived(packet.length * perChunk)
      for (let message = 0; message < perChunk; message++) publisher.received(packet[0]!, 64)
      subscriber.sent(frames)
    }
    least = Math.min(least, Number(process.hrtime.bigint() - begun) / MESSAGES_PER_ROUND)
  }
  if (subscriber.messagesSent !== ROUNDS * MESSAGES_PER_ROUND) throw new Error('not all were counted')
  return least
}

/** Before anything is compiled, so that calls of methods that do nothing cost nothing. */
function countNothing({ prototype }: { prototype: Record<'arrived' | 'received' | 'sent', () => void> }): void {
  prototype.arrived = () => {}
  prototype.received = () => {}
  prototype.sent = () => {}
}

function inProcess(...args: string[]): number {
  const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'one', ...args])
  if (stdout.length === 0) throw new Error(stderr.toString())
  return Number(stdout)
}

function median(values: number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1]!
}

async function main(): Promise<void> {
  if (process.argv[2] === 'one') {
    const [checkout, kind, counting] = process.argv.slice(3)
    const isBroker = counting !== undefined
    console.log(
      await (isBroker ? measure(checkout!, kind as Kind, counting as Counting) : measureCounters(kind as Kind)),
    )
    return
  }
  const { values } = parseArgs({ options: { against: { type: 'string' }, pairs: { type: 'string', default: '7' } } })
  const here = resolve(fileURLToPath(import.meta.url), '../../../..')
  for (const kind of Object.keys(KINDS)) {
    const others = values.against === undefined ? {} : { before: [resolve(values.against), kind, 'off'] }
    const own = Object.fromEntries(['none', 'off', 'on'].map(counting => [counting, [here, kind, counting]]))
    const sides: Record<string, string[]> = { ...own, ...others }
    const found: Record<string, number[]> = Object.fromEntries(Object.keys(sides).map(side => [side, []]))
    for (let pair = 0; pair < Number(values.pairs); pair++) {
      for (const [side, args] of Object.entries(sides)) found[side]!.push(inProcess(...args))
    }
    const text = Object.entries(found).map(
      ([side, all]) => `${side} ${median(all).toFixed(0)} (least ${Math.min(...all).toFixed(0)})`,
    )
    console.log(`${kind}: nanoseconds for each message: ${text.join(', ')}`)
    const counters = inProcess(here, kind)
    const share = ((counters / median(found.off!)) * 100).toFixed(1)
    console.log(`  the counters by themselves: ${counters.toFixed(1)} ns, ${share} % of it`)
    for (const [base, side] of [
      ['none', 'off'],
      ['off', 'on'],
      ['before', 'off'],
      ['before', 'on'],
    ] as const) {
      if (found[base] === undefined) continue
      const ratios = found[side]!.map((value, index) => value / found[base]![index]!)
      console.log(
        `  ${side} / ${base}: ${median(ratios).toFixed(3)}, of the least ${(Math.min(...found[side]!) / Math.min(...found[base])).toFixed(3)}`,
      )
    }
  }
}

await main()
