/**
 * Billing that loses no charge and counts none twice, while everything is killed all the time.
 *
 *   npm run build && node dist/examples/billing/index.js
 *   SECONDS=60 SEED=7 node dist/examples/billing/index.js
 *
 * Meters publish charges. A broker with a durable store hands them to three kinds of consumers: a ledger, two clerks that
 * share them, and an audit in the broker's process. A fault script kills any of them at random, or stops the broker for a
 * new version. In the end, the meters' journals are compared with those of the consumers.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readJournal } from './journal.js'
import { Part } from './part.js'

const METERS = 3
/** With a pause of 20 ms between charges, the meters are at work for about as long as the faults go on. */
const CHARGES_PER_SECOND = 30
const MIN_PEACE_MS = 150
const MAX_PEACE_MS = 700
/** The end, if no more charges arrive for so long. */
const PATIENCE_MS = 30_000

const seconds = Number(process.env.SECONDS ?? 10)
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'anax-billing-'))
const port = await freePort()
const place = [`${port}`, folder]

const broker = new Part('broker', place)
const ledger = new Part('ledger', ['ledger', 'charges/#', ...place])
const clerks = ['clerk-1', 'clerk-2'].map(name => new Part('ledger', [name, '$share/clerks/charges/#', ...place]))
/** Who takes the charges -> their journals. */
const CONSUMERS = { ledger: ['ledger'], audit: ['audit'], clerks: ['clerk-1', 'clerk-2'] }
const meters = Array.from({ length: METERS }, (_, i) => {
  return new Part('meter', [`${i + 1}`, `${seconds * CHARGES_PER_SECOND}`, ...place])
})

broker.start()
for (const consumer of [ledger, ...clerks]) {
  consumer.start()
  await consumer.says('subscribed')
}
for (const meter of meters) meter.start()

const kills = await makeTrouble([broker, ledger, ...clerks, ...meters])
await waitForTheRest()
// What comes twice comes late.
await delay(500)
for (const part of [...meters, ledger, ...clerks, broker]) await part.end('kill')
report()
rmSync(folder, { recursive: true, force: true })

/** Kills parts at random, and starts them again; the seed repeats the choices. */
async function makeTrouble(parts: readonly Part[]): Promise<number> {
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return state / 0x8000_0000
  }
  let count = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; count++) {
    await delay(MIN_PEACE_MS + random() * (MAX_PEACE_MS - MIN_PEACE_MS))
    const victim = parts[Math.floor(random() * parts.length)]!
    await victim.end(victim === broker && random() < 0.5 ? 'deploy' : 'kill')
    victim.start()
  }
  return count
}

function sent(): string[] {
  const lines = meters.flatMap((_, i) => readJournal(join(folder, `meter-${i + 1}.journal`)))
  return lines.filter(line => line.startsWith('charge '))
}

/** What a consumer has charged. Where there are several journals, a charge may have gone to one member, and to another again. */
function charged(journals: readonly string[]): string[] {
  const lines = journals.map(name => linesOf(name, 'charge'))
  return lines.length === 1 ? lines[0]! : [...new Set(lines.flat())]
}

function linesOf(journal: string, word: 'charge' | 'again'): string[] {
  return readJournal(join(folder, `${journal}.journal`)).filter(line => line.startsWith(`${word} `))
}

/** Until the meters are done and each consumer has all charges, or nothing has arrived for too long. */
async function waitForTheRest(): Promise<void> {
  let arrived = 0
  for (let since = performance.now(); performance.now() - since < PATIENCE_MS; await delay(100)) {
    const cents = Object.values(CONSUMERS).map(journals => sum(charged(journals)))
    if (meters.every(({ isDone }) => isDone) && cents.every(each => each >= sum(sent()))) return
    const total = cents.reduce((one, other) => one + other)
    if (total > arrived) since = performance.now()
    arrived = total
  }
}

function sum(lines: readonly string[]): number {
  return lines.reduce((total, line) => total + Number(line.split(' ')[2]), 0)
}

function report(): void {
  console.log(`${kills} kills and deploys (SEED=${seed})`)
  console.log(`${sent().length} charges: sent ${sum(sent())} cents`)
  for (const [consumer, journals] of Object.entries(CONSUMERS)) {
    const lines = charged(journals)
    const taken = new Set(lines)
    const missing = sent().filter(line => !taken.has(line)).length
    const doubled = lines.length - taken.size
    const again = journals.flatMap(name => linesOf(name, 'again')).length
    console.log(`${consumer}: charged ${sum(lines)} cents, missing ${missing}, doubled ${doubled}; ${again} came again`)
    if (missing + doubled > 0 || sum(lines) !== sum(sent())) process.exitCode = 1
  }
  console.log(
    'What comes again is known by its key. MQTT hands a QoS 2 message over exactly once on one hop, between two ends\n' +
      'that remember it: from meter to broker, or from broker to consumer. A meter or a consumer that forgets what it was\n' +
      'doing is outside of that promise, and so is the way from one end to the other. For those there is the key.',
  )
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}
