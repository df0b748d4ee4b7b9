/** Takes a sampling profile of the main thread of this process, on demand. Knows no broker. */
import { Session } from 'node:inspector/promises'
import { cpuMicros, mainThreadTimes } from '../measure.js'
import { type Profile, selfTimes } from '../profile/self-times.js'

const SAMPLING_INTERVAL_MICROS = 200

/** A moment, in microseconds: the clock, and the CPU time of the process and its main thread. */
function now() {
  return { wall: performance.now() * 1000, cpu: cpuMicros(process.pid), ...mainThreadTimes(process.pid) }
}

/** One profile at a time. */
export class Profiler {
  readonly #session = new Session()
  #started = now()

  async start(): Promise<void> {
    this.#session.connect()
    await this.#session.post('Profiler.enable')
    await this.#session.post('Profiler.setSamplingInterval', { interval: SAMPLING_INTERVAL_MICROS })
    await this.#session.post('Profiler.start')
    this.#started = now()
  }

  async stop(): Promise<Profile> {
    const ended = now()
    const { profile } = await this.#session.post('Profiler.stop')
    this.#session.disconnect()
    const { wall, cpu, ran, delayed } = this.#started
    const ready = ended.ran - ran + ended.delayed - delayed
    const slept = ended.wall - wall - ready
    return { functions: selfTimes(profile, slept, import.meta.url), presence: (ended.cpu - cpu) / ready }
  }
}
