/**
 * What it costs to start and stop a broker, and to carry one message to the application, in turns, medians. For tests
 * that make a broker each, and for applications that listen to their own.
 * Run with `node --expose-gc dist/bench/lifecycle.js`.
 */
import { Aedes } from 'aedes'
import { createBroker } from '../lib/index.js'
import { startTestBroker } from '../lib/testing/index.js'

const ROUNDS = 15
const BROKERS_PER_ROUND = 100
const MESSAGES_PER_ROUND = 5000

type Step = () => Promise<void>

const lifecycles: Record<string, Step> = {
  async 'anax: createBroker, close'() {
    const broker = await createBroker()
    await broker.close()
  },
  async 'anax/testing: startTestBroker, close'() {
    const t = await startTestBroker()
    await t.close()
  },
  async 'aedes: createBroker, close'() {
    const broker = await Aedes.createBroker()
    await new Promise<void>(resolve => broker.close(resolve))
  },
}

/** How the application can get one message of QoS 0 that it publishes itself. */
async function readers(): Promise<Record<string, Step>> {
  const broker = await createBroker()
  const payload = Buffer.alloc(64)
  let count = 0
  await broker.subscribe('subscribe', () => {
    count++
  })
  const stream = broker.messages('messages')
  await stream.ready
  const client = await broker.client()
  await client.subscribe('client')
  return {
    async 'broker.subscribe'() {
      const wanted = count + 1
      await broker.publish({ topic: 'subscribe', payload })
      if (count !== wanted) throw new Error('it did not come')
    },
    async 'broker.messages'() {
      await broker.publish({ topic: 'messages', payload })
      await stream.next()
    },
    async 'broker.client, one message at a time'() {
      await broker.publish({ topic: 'client', payload })
      await client.next()
    },
    async 'broker.client, 100 at a time'() {
      if (count++ % 100 !== 0) return
      for (let i = 0; i < 100; i++) broker.publish({ topic: 'client', payload })
      for (let i = 0; i < 100; i++) await client.next()
    },
  }
}

/** CPU time in µs per call, the median of rounds in which all have their turn. */
async function measure(steps: Record<string, Step>, calls: number): Promise<void> {
  const samples = new Map(Object.keys(steps).map(name => [name, [] as number[]]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, step] of Object.entries(steps)) {
      global.gc?.()
      const start = process.cpuUsage()
      for (let i = 0; i < calls; i++) await step()
      const { user, system } = process.cpuUsage(start)
      samples.get(name)?.push((user + system) / calls)
    }
  }
  for (const [name, values] of samples) {
    const median = values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
    console.log(`| ${name.padEnd(38)} | ${median.toFixed(1).padStart(7)} |`)
  }
}

console.log('µs of CPU time, medians of', ROUNDS, 'rounds\n')
await measure(lifecycles, BROKERS_PER_ROUND)
await measure(await readers(), MESSAGES_PER_ROUND)
process.exit(0)
