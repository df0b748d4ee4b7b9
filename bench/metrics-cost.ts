/**
 * What it costs to be measured: the time of a QoS 0 message from one client to another in one process, without sockets, which
 * would hide it. With `anax/metrics` and without; optionally without it in another checkout as well.
 *
 *   npm run build && node dist/bench/metrics-cost.js [--against DIR] [--pairs N]
 *
 * Each figure is from a process of its own, as compiled code depends on what ran before. The least of many rounds counts:
 * what else the machine does can only add to it.
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Broker } from '../types/broker.js'

/** Of a burst, as clients that pipeline send them; and one message at a time, in turns of their own. */
const KINDS = { bursts: 100, singles: 1 } as const
type Kind = keyof typeof KINDS

const MESSAGES_PER_ROUND = 4000
const ROUNDS = 250
const TOPIC = 'a/b/c'

/** @returns nanoseconds for each message, in the cheapest round */
async function measure(checkout: string, kind: Kind, isMetered: boolean): Promise<number> {
  const load = (file: string) => import(pathToFileURL(resolve(checkout, 'dist/lib', file)).href)
  const { createBroker } = await load('index.js')
  const { encode } = await load('codec/index.js')
  const broker: Broker = await createBroker()
  const metrics = isMetered ? await (await load('metrics/index.js')).createMetrics(broker) : undefined
  let written = 0
  const attach = () => {
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written += chunk.length
        done()
      },
    })
    broker.handle(stream)
    return stream
  }
  const send = async (stream: Duplex, chunk: Buffer) => {
    stream.push(chunk)
    await nextTurn()
    await nextTurn()
  }
  const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 }
  const [publisher, subscriber] = [attach(), attach()]
  await send(publisher, encode({ ...connect, clientId: 'publisher' }, 4))
  await send(subscriber, encode({ ...connect, clientId: 'subscriber' }, 4))
  await send(subscriber, encode({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: TOPIC, qos: 0 }] }, 4))
  const message = { cmd: 'publish', topic: TOPIC, payload: Buffer.alloc(64), qos: 0, retain: false, dup: false }
  const packet: Buffer = encode(message, 4)
  const chunk = Buffer.concat(Array.from({ length: KINDS[kind] }, () => packet))
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    written = 0
    const begun = process.hrtime.bigint()
    for (let sent = 0; sent < MESSAGES_PER_ROUND; sent += KINDS[kind]) await send(publisher, chunk)
    least = Math.min(least, Number(process.hrtime.bigint() - begun) / MESSAGES_PER_ROUND)
    if (written !== MESSAGES_PER_ROUND * packet.length) throw new Error(`${written} bytes were delivered`)
  }
  metrics?.close()
  await broker.close()
  return least
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
    const [checkout, kind, metered] = process.argv.slice(3)
    console.log(await measure(checkout!, kind as Kind, metered === 'on'))
    return
  }
  const { values } = parseArgs({ options: { against: { type: 'string' }, pairs: { type: 'string', default: '7' } } })
  const here = resolve(fileURLToPath(import.meta.url), '../../..')
  for (const kind of Object.keys(KINDS)) {
    const others = values.against === undefined ? {} : { before: [resolve(values.against), kind, 'off'] }
    const sides: Record<string, string[]> = { off: [here, kind, 'off'], on: [here, kind, 'on'], ...others }
    const found: Record<string, number[]> = Object.fromEntries(Object.keys(sides).map(side => [side, []]))
    for (let pair = 0; pair < Number(values.pairs); pair++) {
      for (const [side, args] of Object.entries(sides)) found[side]!.push(inProcess(...args))
    }
    const text = Object.entries(found).map(
      ([side, all]) => `${side} ${median(all).toFixed(0)} (least ${Math.min(...all).toFixed(0)})`,
    )
    console.log(`${kind}: nanoseconds for each message: ${text.join(', ')}`)
    for (const [base, side] of [
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
