/**
 * What it costs to start and stop a broker, as each test of an application does: the broker alone, with the kit of
 * `anax/testing`, and Aedes. In turns, CPU time, medians. Run with `node dist/bench/costs/lifetime.js`.
 */
import { Aedes } from 'aedes'
import { createBroker } from '../../lib/index.js'
import { startTestBroker } from '../../lib/testing/index.js'

const ROUNDS = 15
const BROKERS_PER_ROUND = 200

/** Name -> starts a broker, and stops it. */
const LIVES: Readonly<Record<string, () => Promise<unknown>>> = {
  createBroker: async () => (await createBroker()).close(),
  startTestBroker: async () => (await startTestBroker()).close(),
  Aedes: async () => {
    const broker = await Aedes.createBroker()
    await new Promise<void>(resolve => broker.close(resolve))
  },
}

const rounds = new Map(Object.keys(LIVES).map(name => [name, [] as number[]]))

for (let round = 0; round < ROUNDS; round++) {
  for (const [name, live] of Object.entries(LIVES)) {
    const before = process.cpuUsage()
    for (let i = 0; i < BROKERS_PER_ROUND; i++) await live()
    const { user, system } = process.cpuUsage(before)
    rounds.get(name)!.push((user + system) / BROKERS_PER_ROUND)
  }
}

console.log('µs of CPU time to start and stop one, median of', ROUNDS, 'rounds of', BROKERS_PER_ROUND, '\n')
for (const [name, costs] of rounds) {
  const median = costs.sort((a, b) => a - b)[ROUNDS >> 1]!
  console.log(name.padEnd(16), median.toFixed(0).padStart(5))
}
