/** What several processes on one machine cost: the example with one and with two, beside a broker without a cluster. */
import { join } from 'node:path'
import { connectAsync } from 'mqtt'
import { RunningProcess } from '../../../support/programs/command.js'
import { NatsServers } from '../../../support/programs/nats.js'
import { ROOT } from '../../../support/root.js'
import { meter, perOne } from '../world/processor-time.js'
import { numbers, publishAll, texts, until } from '../world/world.js'

const PAIRS = 4
const MESSAGES = 5000

/** @returns by the kind of broker: messages per second, and microseconds of brokers and engine for each */
export async function processes(): Promise<Record<string, unknown>> {
  const servers = await NatsServers.start(1)
  try {
    const engine = servers.pidOf(0)
    const env = { PORT: '0', NATS: servers.urls[0]! }
    return {
      'without a cluster': await measure('tcp', env, 1, engine),
      'one process': await measure('cluster/processes', { ...env, PROCESSES: '1' }, 1, engine),
      'two processes': await measure('cluster/processes', { ...env, PROCESSES: '2' }, 2, engine),
    }
  } finally {
    await servers.stop()
  }
}

async function measure(name: string, env: Record<string, string>, count: number, engine: number) {
  const file = join(ROOT, 'dist/examples', `${name}.js`)
  const example = new RunningProcess(process.execPath, [file], { ...process.env, ...env })
  try {
    await example.says(new RegExp(`(mqtt://[\\s\\S]*){${count}}`))
    const url = /mqtt:\/\/\S+/.exec(example.stdout)![0]
    const workers = [...example.stdout.matchAll(/\((\d+)\) serves/g)].map(([, pid]) => Number(pid))
    const pids = workers.length > 0 ? workers : [example.child.pid!]
    const clients = await Promise.all(
      Array.from({ length: 2 * PAIRS }, (_, i) => connectAsync(url, { clientId: `p${i}`, protocolVersion: 5 })),
    )
    const subscribers = clients.slice(PAIRS)
    const received = subscribers.map(texts)
    await Promise.all(subscribers.map((one, i) => one.subscribeAsync(`pair/${i}`, { qos: 1 })))
    const brokers = meter(...pids)
    const server = meter(engine)
    const began = performance.now()
    await Promise.all(clients.slice(0, PAIRS).map((one, i) => publishAll(one, `pair/${i}`, numbers(MESSAGES), 1, 200)))
    await until(() => received.every(({ length }) => length >= MESSAGES), 'the messages')
    const seconds = (performance.now() - began) / 1000
    const total = PAIRS * MESSAGES
    const result = {
      perSecond: Math.round(total / seconds),
      brokerUs: perOne(brokers(), total),
      engineUs: perOne(server(), total),
    }
    await Promise.all(clients.map(one => one.endAsync(true)))
    return result
  } finally {
    await example.stop('SIGTERM')
  }
}
