/** A child process that is killed and started again, as its parent sees it. Must not know what it does. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { endWithUs } from '../../support/programs/left-behind.js'

export class KillableProcess {
  /** The times of the kills, by the monotonic clock. */
  readonly killedAt: number[] = []
  /** How often it ended without being killed. */
  crashes = 0
  /** The times at which it reported a lost lease. */
  readonly leasesLostAt: number[] = []
  readonly #script: string
  readonly #arguments: readonly string[]
  #starts = 0
  #child: ChildProcess | undefined

  /**
   * @param script in test/crash, without its extension
   * @param args of the script; the last argument is the number of the start
   */
  constructor(script: string, args: readonly string[]) {
    this.#script = fileURLToPath(new URL(`../${script}.js`, import.meta.url))
    this.#arguments = args
  }

  /** How often it was killed. */
  get kills(): number {
    return this.killedAt.length
  }

  /** Resolves when it is ready, or has ended before. */
  async start(): Promise<void> {
    const child = endWithUs(fork(this.#script, [...this.#arguments, `${++this.#starts}`], { execArgv: [] }))
    this.#child = child
    child.once('exit', () => {
      if (this.#child === child) this.crashes++
    })
    child.on('message', message => {
      if (message === 'lease lost') this.leasesLostAt.push(performance.now())
    })
    await Promise.race([once(child, 'message'), once(child, 'exit')])
  }

  /** Kills it with SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    this.killedAt.push(performance.now())
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Tells a client to publish and disconnect no more. */
  calm(): void {
    if (this.#child?.connected) this.#child.send('calm')
  }
}

/** Counts the times between two others, both included. */
export function countBetween(times: readonly number[], from: number, to: number): number {
  return times.filter(at => from <= at && at <= to).length
}
