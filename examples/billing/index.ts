/**
 * Billing that loses no charge and counts none twice, while everything is killed all the time.
 *
 *   npm run build && node dist/examples/billing/index.js
 *   SECONDS=60 SEED=7 node dist/examples/billing/index.js
 *
 * Meters publish charges, a broker with a durable store hands them to a ledger; a fault script kills any of them at
 * random. In the end, the meters' journals are held against the ledger's.
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
const PATIENCE_MS = 30_000

const seconds = Number(process.env.SECONDS ?? 10)
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
const folder = mkdtempSync(join(tmpdir(), 'anax-billing-'))
const port = await freePort()
const place = [`${port}`, folder]

const broker = new Part('broker', place)
const ledger = new Part('ledger', place)
const meters = Array.from({ length: METERS }, (_, i) => {
  return new Part('meter', [`${i + 1}`, `${seconds * CHARGES_PER_SECOND}`, ...place])
})

broker.start()
ledger.start()
await ledger.says('subscribed')
for (const meter of meters) meter.start()

const kills = await makeTrouble([broker, ledger, ...meters])
const deadline = performance.now() + PATIENCE_MS
const isOver = () => meters.every(({ isDone }) => isDone) && sum(charged()) >= sum(sent())
while (!isOver() && performance.now() < deadline) await delay(100)
// What comes twice comes late.
await delay(500)
for (const part of [...meters, ledger, broker]) part.kill()
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
    victim.kill()
    victim.start()
  }
  return count
}

function sent(): string[] {
  const lines = meters.flatMap((_, i) => readJournal(join(folder, `meter-${i + 1}.journal`)))
  return lines.filter(line => line.startsWith('charge '))
}

function charged(): string[] {
  return readJournal(join(folder, 'ledger.journal')).filter(line => line.startsWith('charge '))
}

function sum(lines: readonly string[]): number {
  return lines.reduce((total, line) => total + Number(line.split(' ')[2]), 0)
}

function report(): void {
  const lines = charged()
  const inLedger = new Set(lines)
  const missing = sent().filter(line => !inLedger.has(line)).length
  const doubled = lines.length - inLedger.size
  const again = readJournal(join(folder, 'ledger.journal')).filter(line => line.startsWith('again ')).length
  console.log(`${kills} kills of broker, ledger and meters (SEED=${seed})`)
  console.log(`${sent().length} charges: sent ${sum(sent())} cents, charged ${sum(lines)} cents`)
  console.log(`missing ${missing}, doubled ${doubled}`)
  console.log(`${again} charges came more than once and were known by their key.`)
  console.log(
    'MQTT hands a QoS 2 message over exactly once on one hop, between two ends that remember it: from meter to broker,\n' +
      'or from broker to ledger. A meter or a ledger that forgets what it was doing is outside of that promise, and so\n' +
      'is the way from one end to the other. For those there is the key.',
  )
  if (missing + doubled > 0 || sum(lines) !== sum(sent())) process.exitCode = 1
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return address !== null && typeof address === 'object' ? address.port : 0
}
