/** A process of the billing example that can be killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export class Part {
  readonly #script: string
  readonly #arguments: readonly string[]
  #child: ChildProcess | undefined
  #isDone = false
  /** Whether it is told to end, and so has not done its work when it ends. */
  #isTold = false

  constructor(name: 'broker' | 'ledger' | 'meter', args: readonly string[]) {
    this.#script = fileURLToPath(new URL(`./${name}.js`, import.meta.url))
    this.#arguments = args
  }

  /** Whether it has done its work and ended. */
  get isDone(): boolean {
    return this.#isDone
  }

  start(): void {
    if (this.#isDone) return
    this.#isTold = false
    const child = spawn(process.execPath, [this.#script, ...this.#arguments], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.once('exit', code => {
      if (code === 0 && !this.#isTold) this.#isDone = true
    })
    this.#child = child
  }

  /** Ends it in the middle of whatever it does, or lets it end by itself, as a new version is deployed. */
  async end(how: 'kill' | 'deploy'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    this.#isTold = true
    child.kill(how === 'kill' ? 'SIGKILL' : 'SIGTERM')
    await ended
  }

  /** Resolves when it has printed a line with this word. */
  async says(word: string): Promise<void> {
    const lines = createInterface({ input: this.#child!.stdout! })
    for (let line = ''; line !== word; ) [line] = await once(lines, 'line')
  }
}
