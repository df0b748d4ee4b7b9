/** Kills the broker and the clients at random times, which a seed repeats. Must not know what the processes do. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../random.js'
import type { KillableProcess } from './killable-process.js'

const MAX_LIFE_MS = 800
/** The chance that the broker is killed while it starts. */
const EARLY_DEATH_CHANCE = 0.1
const MAX_EARLY_LIFE_MS = 300
const MAX_CLIENT_PEACE_MS = 1000

/** Kills the broker a number of times; `revived` is called whenever it is ready again. */
export async function killBroker(
  broker: KillableProcess,
  random: Random,
  kills: number,
  revived: () => Promise<void>,
): Promise<void> {
  for (let left = kills; left > 0; left--) {
    await broker.kill()
    const started = broker.start()
    if (left > 1 && random.chance(EARLY_DEATH_CHANCE)) {
      await delay(random.between(0, MAX_EARLY_LIFE_MS))
      continue
    }
    await started
    await revived()
    await delay(random.between(0, MAX_LIFE_MS))
  }
}

/**
 * Kills one client after the other until the run is over. Does not wait until they are ready again.
 * @param maxPeaceMs longest time between two kills
 */
export async function killClients(
  clients: readonly KillableProcess[],
  random: Random,
  isOver: () => boolean,
  maxPeaceMs = MAX_CLIENT_PEACE_MS,
): Promise<void> {
  const started: Promise<void>[] = []
  while (!isOver()) {
    await delay(random.between(0, maxPeaceMs))
    const client = clients[random.between(0, clients.length - 1)]!
    await client.kill()
    started.push(client.start())
  }
  await Promise.all(started)
}
