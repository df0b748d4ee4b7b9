/** A process that is killed and started again, from this side. Knows nothing of what it does. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { endWithUs } from '../../support/programs/left-behind.js'

export class Victim {
  /** When it was killed, by the monotonic clock. */
  readonly killedAt: number[] = []
  /** How often it ended without having been killed. */
  accidents = 0
  /** When it said that it had lost its lease. */
  readonly leasesLostAt: number[] = []
  readonly #script: string
  readonly #arguments: readonly string[]
  #lives = 0
  #child: ChildProcess | undefined

  /** The script is called with these arguments and the number of its life. */
  constructor(name: string, args: readonly string[]) {
    this.#script = fileURLToPath(new URL(`../${name}.js`, import.meta.url))
    this.#arguments = args
  }

  /** How often it was killed. */
  get kills(): number {
    return this.killedAt.length
  }

  /** Resolves when it is ready, or has ended before. */
  async start(): Promise<void> {
    const child = endWithUs(fork(this.#script, [...this.#arguments, `${++this.#lives}`], { execArgv: [] }))
    this.#child = child
    child.once('exit', () => {
      if (this.#child === child) this.accidents++
    })
    child.on('message', message => {
      if (message === 'lease lost') this.leasesLostAt.push(performance.now())
    })
    await Promise.race([once(child, 'message'), once(child, 'exit')])
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    this.killedAt.push(performance.now())
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Sends it the only message there is. */
  calm(): void {
    if (this.#child?.connected) this.#child.send('calm')
  }
}

/** How many of the times are between two others, both included. */
export function countBetween(times: readonly number[], from: number, to: number): number {
  return times.filter(at => from <= at && at <= to).length
}
