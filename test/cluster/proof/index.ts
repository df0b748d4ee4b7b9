/**
 * The proof rows of a cluster in their full forms: three nodes and three NATS servers on this machine.
 *
 *   npm run test:cluster              all of them
 *   npm run test:cluster -- 2 5       these
 *   ANAX_ROWS_SCALE=0.1 …             a tenth of each size
 */
import assert from 'node:assert/strict'
import { appends } from './rows/appends.js'
import { burst } from './rows/burst.js'
import { costs } from './rows/costs.js'
import { expiryAfterDeath, movesAlive } from './rows/expiry.js'
import { kills } from './rows/kills.js'
import { majority } from './rows/majority.js'
import { messages } from './rows/messages.js'
import { processes } from './rows/processes.js'
import { scale } from './rows/scale.js'
import { sharedOnce, sharedSurvives } from './rows/shared.js'
import { stopped } from './rows/stopped.js'
import { afterDeath, inflightMoves, moves, races } from './rows/takeover.js'
import { wills } from './rows/wills.js'
import { ProcessWorld } from './world/processes.js'

const factor = Number(process.env.ANAX_ROWS_SCALE ?? 1)
const of = (size: number) => Math.max(4, Math.round(size * factor))

type Row = readonly [number: number, what: string, run: (world: () => Promise<ProcessWorld>) => Promise<unknown>]

/** @param most milliseconds that a row may take at most */
async function within(most: number, measured: Promise<number>): Promise<number> {
  const took = await measured
  assert.ok(took <= most, `${took} ms, at most ${most}`)
  return took
}

const ROWS: readonly Row[] = [
  [1, `${of(1000)} messages of each kind`, async world => messages(await world(), of(1000))],
  [2, '30 moves, ms', async world => within(1000, moves(await world(), 30))],
  [2, `${of(1000)} races`, async world => races(await world(), of(1000))],
  [2, 'what is in flight', async world => inflightMoves(await world())],
  [2, 'after the death of the node, ms', async world => within(20_000, afterDeath(await world()))],
  [3, `${of(200)} kills of nodes and servers`, () => kills(of(200))],
  [4, `${of(25)} kills with wills, ms`, async world => within(20_000, wills(await world(), of(25)))],
  [5, `a group, ${of(10_000)} messages`, async world => sharedOnce(await world(), of(10_000))],
  [5, `a group with kills, twice`, async world => sharedSurvives(await world(), of(10_000))],
  [6, 'expiry after death, ms late', async world => within(2000, expiryAfterDeath(await world(), 20))],
  [6, `${of(1000)} moves, too late`, async world => movesAlive(await world(), 50, of(1000) / 50)],
  [7, 'stopped for two leases', async world => stopped(await world())],
  [8, 'majority down for 10 s', async world => majority(await world(), 10_000)],
  [9, 'appends', () => appends(of(10_000))],
  [10, `${of(100_000)} retained, ${of(100_000)} sessions`, () => scale(of(100_000))],
  [12, 'costs, for scripts/cluster-model.mjs', async world => costs(await world())],
  [13, 'processes on one machine', () => processes()],
  [11, `burst of ${of(50_000)}, messages/s`, async world => burst(await world(), of(50_000))],
]

const wanted = process.argv.slice(2).map(Number)
let faults = 0
let world: Promise<ProcessWorld> | undefined
for (const [number, what, run] of ROWS) {
  if (wanted.length > 0 && !wanted.includes(number)) continue
  const began = performance.now()
  const seconds = () => `${((performance.now() - began) / 1000).toFixed(1)} s`
  const shared = () => {
    world ??= ProcessWorld.start()
    return world
  }
  try {
    const result = await run(shared)
    console.log(`ok   ${number}: ${what}: ${result === undefined ? 'holds' : JSON.stringify(result)} (${seconds()})`)
  } catch (error) {
    faults++
    console.log(`FAIL ${number}: ${what} (${seconds()})`, error)
    for (const { node, name, args } of (await world)?.events.slice(-40) ?? [])
      console.log(`  ${node} ${name} ${args.join(' ')}`)
    // the next row starts with all nodes running
    await (await world)?.close()
    world = undefined
  }
}
await (await world)?.close()
process.exit(faults > 0 ? 1 : 0)
