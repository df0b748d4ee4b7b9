/**
 * What the possibility of a cluster costs a broker without one: compares the CPU time of a message from one client to
 * another, without sockets, of this build and of a copy without the only check that a cluster adds to the path of a
 * message, whether the broker may write.
 *
 *   npm run build && node dist/bench/costs/cluster.js [--processes N]
 *
 * Both are loaded into one process and take turns, A B B A, so that differences between processes, and other work on
 * the machine, affect both. A second, unchanged copy shows how much two equal builds differ. The minimum of many rounds
 * counts; the median of several processes is printed, with the extremes.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { encode } from '../../lib/codec/index.js'
import { Flusher } from '../../lib/connection/stream/flusher.js'
import type { Broker } from '../../types/broker/broker.js'
import { MessagePair } from '../load/message-pair.js'

/** Messages of a burst, as clients send them that do not wait; and one at a time. */
const KINDS = { bursts: 100, singles: 1 } as const
type Kind = keyof typeof KINDS

/** The copies of the build. */
const SIDES = ['whole', 'removed', 'whole again'] as const
type Side = (typeof SIDES)[number]

/** The resolution of CPU time is a microsecond: a round has to take many of them. */
const MESSAGES_PER_ROUND = { bursts: 20_000, singles: 4000 } as const
const ROUNDS = 120
const WARM_UP_ROUNDS = 20
const QUESTIONS = 100_000

/** The check in the compiled code, and its replacement. */
const SEAM = {
  'connection/stream/flusher.js': [['if (!this.isAllowed)', 'if (false)']],
  'connection/stream/outbox.js': [
    ['if (!this.#flusher.isAllowed)', 'if (false)'],
    ['if (this.#flusher.isAllowed)', 'if (true)'],
  ],
} as const

/** Copies the build beside itself, so that the copy finds the same packages. */
function copyBuild(folder: string, side: Side): void {
  const copy = join(folder, side)
  cpSync(fileURLToPath(new URL('../../lib', import.meta.url)), copy, { recursive: true })
  if (side !== 'removed') return
  for (const [file, changes] of Object.entries(SEAM)) {
    let text = readFileSync(join(copy, file), 'utf8')
    for (const [asked, left] of changes) {
      if (!text.includes(asked)) throw new Error(`${file} does not ask any more: ${asked}`)
      text = text.replace(asked, left)
    }
    writeFileSync(join(copy, file), text)
  }
}

/** @returns nanoseconds of CPU time for each message in the fastest round, of each side */
async function measure(folder: string, kind: Kind, order: readonly Side[]): Promise<Record<Side, number>> {
  const pairs = new Map<Side, { pair: MessagePair; broker: Broker }>()
  for (const side of order) {
    const load = (file: string) => import(pathToFileURL(join(folder, side, file)).href)
    const { createBroker } = (await load('index.js')) as { createBroker(): Promise<Broker> }
    const { encode: encoder } = (await load('codec/index.js')) as { encode: typeof encode }
    const broker = await createBroker()
    pairs.set(side, { broker, pair: await MessagePair.connect(broker, encoder, KINDS[kind]) })
  }
  const messages = MESSAGES_PER_ROUND[kind]
  const least = {
    whole: Number.POSITIVE_INFINITY,
    removed: Number.POSITIVE_INFINITY,
    'whole again': Number.POSITIVE_INFINITY,
  }
  for (let round = 0; round < WARM_UP_ROUNDS + ROUNDS; round++) {
    for (const side of round % 2 === 0 ? order : order.toReversed()) {
      const begun = process.cpuUsage()
      await pairs.get(side)!.pair.send(messages / KINDS[kind])
      const { user, system } = process.cpuUsage(begun)
      if (round >= WARM_UP_ROUNDS) least[side] = Math.min(least[side], ((user + system) * 1000) / messages)
    }
  }
  for (const { broker } of pairs.values()) await broker.close()
  return least
}

/** @returns nanoseconds of the check alone */
function measureQuestion(): number {
  const flusher = new Flusher()
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    let allowed = 0
    const begun = process.hrtime.bigint()
    for (let i = 0; i < QUESTIONS; i++) if (flusher.isAllowed) allowed++
    least = Math.min(least, Number(process.hrtime.bigint() - begun) / QUESTIONS)
    if (allowed !== QUESTIONS) throw new Error('a broker without a cluster may always write')
  }
  return least
}

function inProcess(folder: string, kind: Kind, order: readonly Side[]): Record<Side, number> {
  const args = [fileURLToPath(import.meta.url), '--folder', folder, '--kind', kind, '--order', order.join()]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

/** The difference in percent: the median, and the extremes. */
function told(shares: readonly number[]): string {
  const sorted = shares.map(share => (share - 1) * 100).sort((a, b) => a - b)
  const of = (index: number) => `${sorted[index]! > 0 ? '+' : ''}${sorted[index]!.toFixed(1)} %`
  return `${of(Math.floor(sorted.length / 2))} (${of(0)} to ${of(sorted.length - 1)})`
}

/** Each process loads another side first. */
function rotated(turn: number): Side[] {
  return SIDES.map((_, index) => SIDES[(index + turn) % SIDES.length]!)
}

const { values } = parseArgs({
  options: {
    processes: { type: 'string', default: '9' },
    folder: { type: 'string' },
    kind: { type: 'string' },
    order: { type: 'string' },
  },
})
if (values.folder !== undefined) {
  console.log(JSON.stringify(await measure(values.folder, values.kind as Kind, values.order!.split(',') as Side[])))
} else {
  console.log(`the question by itself: ${measureQuestion().toFixed(2)} ns`)
  const folder = mkdtempSync(fileURLToPath(new URL('../../cluster-cost-', import.meta.url)))
  try {
    for (const side of SIDES) copyBuild(folder, side)
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const found = Array.from({ length: Number(values.processes) }, (_, turn) =>
        inProcess(folder, kind, rotated(turn)),
      )
      const least = (side: Side) => Math.min(...found.map(one => one[side])).toFixed(0)
      console.log(`${kind}: ${least('whole')} ns, without the question ${least('removed')} ns`)
      console.log(`  more with the question: ${told(found.map(one => one.whole / one.removed))}`)
      console.log(`  two builds that are the same: ${told(found.map(one => one['whole again'] / one.whole))}`)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
