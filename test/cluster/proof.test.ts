/** The proof rows of a cluster in their short forms, on an engine in memory. `npm run test:cluster` has the full ones. */
import { after, before, describe, it } from 'node:test'
import { byEffort } from '../support/effort.js'
import { burst } from './proof/rows/burst.js'
import { expiryAfterDeath, movesAlive } from './proof/rows/expiry.js'
import { sharedOnce, sharedSurvives } from './proof/rows/shared.js'
import { afterDeath, inflightMoves, moves, races } from './proof/rows/takeover.js'
import { wills } from './proof/rows/wills.js'
import { MemoryWorld } from './proof/world/memory.js'

describe('the rows of a cluster, in memory', () => {
  const messages = byEffort({ fast: 60, normal: 200, full: 200 })
  let world: MemoryWorld
  before(async () => {
    world = await MemoryWorld.start()
  })
  after(() => world.close())

  it('2: a client that moves is told 0x8E on the old node', async () => void (await moves(world, 3)))
  it('2: a race has one winner', () => races(world, byEffort({ fast: 10, normal: 30, full: 30 })))
  it('2: what is in flight moves with the session', () => inflightMoves(world))
  it('2: the session of a node that died is there', async () => void (await afterDeath(world)))
  it('4: wills of a killed node come once', async () => void (await wills(world, 1)))
  it('5: a shared subscription is one group', () => sharedOnce(world, messages))
  it('5: a shared subscription survives members and nodes', async () => void (await sharedSurvives(world, messages)))
  it('6: sessions end, each once, after their node died', async () => void (await expiryAfterDeath(world, 1)))
  it('6: moving ends no session', async () => void (await movesAlive(world, 10, 5)))
  it('11: nothing of a burst is dropped', async () => void (await burst(world, messages * 10)))
})
