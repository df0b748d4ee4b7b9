/**
 * What a broker without a cluster pays for that there may be one: the time of a message from one client to another in one
 * process, without sockets, as it is and with the question left out whether the broker may write, which is all that a
 * cluster adds to the way of a message.
 *
 *   npm run build && node dist/bench/cluster-cost.js [--pairs N]
 *
 * Each figure is from a process of its own, in the order A B B A. The least of many rounds counts: what else the machine
 * does can only add to it. Processes differ by more than the question takes, so it is timed by itself as well.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encode } from '../lib/codec/index.js'
import { Flusher } from '../lib/connection/stream/flusher.js'
import { createBroker } from '../lib/index.js'
import { MessagePair } from './load/message-pair.js'

/** Messages of a burst, as clients that pipeline send them; and one at a time. */
const KINDS = { bursts: 100, singles: 1 } as const
type Kind = keyof typeof KINDS
type Side = 'asked' | 'not asked'

const MESSAGES_PER_ROUND = 4000
const ROUNDS = 250
const QUESTIONS = 100_000

/** @returns nanoseconds of a message in the cheapest round */
async function measure(kind: Kind, side: Side): Promise<number> {
  // before anything is compiled
  if (side === 'not asked') Object.defineProperty(Flusher.prototype, 'isAllowed', { value: true })
  const broker = await createBroker()
  const pair = await MessagePair.connect(broker, encode, KINDS[kind])
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const begun = process.hrtime.bigint()
    await pair.send(MESSAGES_PER_ROUND / KINDS[kind])
    least = Math.min(least, Number(process.hrtime.bigint() - begun) / MESSAGES_PER_ROUND)
  }
  await broker.close()
  return least
}

/** @returns nanoseconds of the question by itself */
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

function inProcess(kind: string, side: Side): number {
  const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'one', kind, side])
  if (stdout.length === 0) throw new Error(stderr.toString())
  return Number(stdout)
}

const [one, kind, side] = process.argv.slice(2)
if (one === 'one') console.log(await measure(kind as Kind, side as Side))
else {
  console.log(`the question by itself: ${measureQuestion().toFixed(2)} ns`)
  const { values } = parseArgs({ options: { pairs: { type: 'string', default: '8' } } })
  for (const each of Object.keys(KINDS)) {
    const found: Record<Side, number> = { asked: Number.POSITIVE_INFINITY, 'not asked': Number.POSITIVE_INFINITY }
    for (let pair = 0; pair < Number(values.pairs); pair++) {
      const order: readonly Side[] = pair % 2 === 0 ? ['asked', 'not asked'] : ['not asked', 'asked']
      for (const now of order) found[now] = Math.min(found[now], inProcess(each, now))
    }
    const share = ((found.asked / found['not asked'] - 1) * 100).toFixed(1)
    console.log(
      `${each}: ${found.asked.toFixed(0)} ns, ${found['not asked'].toFixed(0)} ns without the question: ${share} %`,
    )
  }
}
