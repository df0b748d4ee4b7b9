/** One measurement: a fresh broker, a fresh load process, one sample. Leaves no process behind. */
import { fileURLToPath } from 'node:url'
import type { Certificate } from './brokers/certificate.js'
import { cores, end, nextMessage, startNode } from './brokers/process.js'
import { type RunningBroker, startBroker } from './brokers/start.js'
import type { LoadJob, LoadMessage } from './load/main.js'
import type { BrokerName, Effort, Sample, Scenario } from './types.js'

/** Why there is no sample; `machine`: this one does not allow it, which says nothing about the broker. */
export interface Failure {
  failure: string
  cause: 'broker' | 'machine'
}

function failed(failure: string): Failure {
  return { failure, cause: 'broker' }
}

const loadFile = fileURLToPath(new URL('./load/main.js', import.meta.url))

async function load(broker: RunningBroker, job: LoadJob, timeLimit: number): Promise<Sample | Failure> {
  const child = startNode(cores.load, loadFile, [], [JSON.stringify(job)])
  const tooLong = setTimeout(() => child.kill('SIGKILL'), timeLimit * 1000)
  const started = performance.now()
  try {
    for (;;) {
      const message = await nextMessage<LoadMessage>(child)
      if ('sample' in message) return message.sample
      if ('failure' in message) return failed(message.failure)
      child.send(await broker.memory())
    }
  } catch (error) {
    const late = performance.now() - started >= timeLimit * 1000
    return failed(late ? `not done after ${timeLimit} s` : `load process: ${(error as Error).message}`)
  } finally {
    clearTimeout(tooLong)
    await end(child)
  }
}

export async function measure(
  scenario: Scenario,
  name: BrokerName,
  effort: Effort,
  certificate: Certificate,
): Promise<Sample | Failure> {
  let broker: RunningBroker
  try {
    broker = await startBroker(name, scenario.setup, certificate)
  } catch (error) {
    return failed(`cannot start: ${(error as Error).message}`)
  }
  try {
    const { pid, port } = broker
    const { transport } = scenario.setup
    const timeLimit = scenario.timeLimit * Math.max(1, effort.scale)
    return await load(broker, { scenario: scenario.name, broker: name, pid, port, transport, effort }, timeLimit)
  } finally {
    await broker.stop()
  }
}
