/** One measurement: a fresh broker, a fresh load process, one sample. Leaves no process running. */
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Certificate } from './brokers/certificate.js'
import { cores, end, nextMessage, startNode } from './brokers/process.js'
import type { RunningBroker } from './brokers/running.js'
import { startBroker } from './brokers/start.js'
import type { LoadAnswers, LoadJob, LoadMessage } from './load/main.js'
import type { BrokerName, Effort, Phase, Sample, Scenario } from './types.js'

/** Why there is no sample; `machine`: this machine does not allow it, which says nothing about the broker. */
export interface Failure {
  failure: string
  cause: 'broker' | 'machine'
}

/** Observes a broker during the measurement. */
export type Observer = Record<Phase, (broker: RunningBroker) => Promise<void>>

export interface MeasureOptions {
  observer?: Observer
  /** Another built checkout to take the broker from. */
  checkout?: string
}

const nobody: Observer = { begin: async () => {}, end: async () => {} }

function failed(failure: string): Failure {
  return { failure, cause: 'broker' }
}

const loadFile = fileURLToPath(new URL('./load/main.js', import.meta.url))

async function answer(
  ask: keyof LoadAnswers,
  broker: RunningBroker,
  observer: Observer,
): Promise<LoadAnswers[keyof LoadAnswers]> {
  if (ask === 'memory') return broker.memory()
  await observer[ask](broker)
  return 'done'
}

/** Sends the job to the load process, which is running already. */
async function load(
  child: ChildProcess,
  broker: RunningBroker,
  job: LoadJob,
  timeLimit: number,
  observer: Observer,
): Promise<Sample | Failure> {
  child.send(job)
  const tooLong = setTimeout(() => child.kill('SIGKILL'), timeLimit * 1000)
  const started = performance.now()
  try {
    for (;;) {
      const message = await nextMessage<LoadMessage>(child)
      if ('sample' in message) return message.sample
      if ('failure' in message) return failed(message.failure)
      child.send(await answer(message.ask, broker, observer))
    }
  } catch (error) {
    const late = performance.now() - started >= timeLimit * 1000
    return failed(late ? `not done after ${timeLimit} s` : `load process: ${(error as Error).message}`)
  } finally {
    clearTimeout(tooLong)
  }
}

export async function measure(
  scenario: Scenario,
  name: BrokerName,
  effort: Effort,
  certificate: Certificate,
  { observer = nobody, checkout }: MeasureOptions = {},
): Promise<Sample | Failure> {
  // while the broker starts, on the other core
  const child = startNode(cores.load, loadFile, [], [])
  let broker: RunningBroker | undefined
  try {
    broker = await startBroker(name, scenario.setup, certificate, checkout)
    const { pid, port } = broker
    const { transport } = scenario.setup
    const timeLimit = scenario.timeLimit * Math.max(1, effort.scale)
    const job = { scenario: scenario.name, broker: name, pid, port, transport, effort }
    return await load(child, broker, job, timeLimit, observer)
  } catch (error) {
    return failed(`cannot start: ${(error as Error).message}`)
  } finally {
    await end(child)
    await broker?.stop()
  }
}
