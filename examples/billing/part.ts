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
    const child = spawn(process.execPath, [this.#script, ...this.#arguments], { stdio: ['ignore', 'pipe', 'inherit'] })
    child.once('exit', code => {
      if (code === 0) this.#isDone = true
    })
    this.#child = child
  }

  /** Ends it in the middle of whatever it does. */
  kill(): void {
    this.#child?.kill('SIGKILL')
  }

  /** Resolves when it says so. */
  async says(word: string): Promise<void> {
    const lines = createInterface({ input: this.#child!.stdout! })
    for (let line = ''; line !== word; ) [line] = await once(lines, 'line')
  }
}
