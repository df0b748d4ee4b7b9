/** The broker under test: a process of its own that can be killed and started again on the same port and folder. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The scripts that can be put to the test. */
export type BrokerName = 'anax' | 'aedes'

export class BrokerProcess {
  readonly #script: string
  readonly #arguments: readonly string[]
  #child: ChildProcess | undefined

  constructor(name: BrokerName, port: number, folder: string) {
    this.#script = fileURLToPath(new URL(`./${name}-broker.js`, import.meta.url))
    this.#arguments = [`${port}`, folder]
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(process.execPath, [this.#script, ...this.#arguments], { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#child = child
    const lines = createInterface({ input: child.stdout! })
    const exited = once(child, 'exit').then(() => Promise.reject(new Error('the broker ended by itself')))
    exited.catch(() => {})
    await Promise.race([once(lines, 'line'), exited])
  }

  /** Ends it in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
