/** Runs the built command, or any other script, in its own process, and reads its output. */
import { type ChildProcess, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { rmSync } from 'node:fs'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { endWithUs, folderOfOurs } from './left-behind.js'

export const COMMAND = fileURLToPath(new URL('../../../lib/cli/main.js', import.meta.url))

/** Time limit for expected output. */
const PATIENCE_MS = 20_000

const running = new Set<ChildProcess>()
const folders: string[] = []

/** A working folder for a process, so that its files do not disturb others. */
function newFolder(): string {
  const folder = folderOfOurs('anax-command-')
  folders.push(folder)
  return folder
}

// A process that a failed test has left running must not keep the test file from ending.
after(() => {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

/** A running process. */
export class RunningProcess {
  readonly child: ChildProcess
  readonly #finished: Promise<Finished>
  /** Emits `news` after output and after its end. */
  readonly #news = new EventEmitter()
  #isOver = false
  stdout = ''
  stderr = ''

  constructor(program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.child = endWithUs(spawn(program, args, { env, cwd: newFolder() }))
    running.add(this.child)
    this.child.stdout?.on('data', chunk => {
      this.stdout += chunk
      this.#news.emit('news')
    })
    this.child.stderr?.on('data', chunk => {
      this.stderr += chunk
      this.#news.emit('news')
    })
    this.#finished = once(this.child, 'close').then(([code]) => {
      running.delete(this.child)
      this.#isOver = true
      this.#news.emit('news')
      return { code, stdout: this.stdout, stderr: this.stderr }
    })
  }

  /** Resolves with the first match in the output; rejects if the process ends or takes too long. */
  async says(pattern: RegExp): Promise<RegExpExecArray> {
    const giveUp = AbortSignal.timeout(PATIENCE_MS)
    while (!giveUp.aborted) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (match !== null) return match
      if (this.#isOver) break
      await once(this.#news, 'news', { signal: giveUp }).catch(() => {})
    }
    throw new Error(`The process did not say ${pattern}, but:\n${this.stdout}\n${this.stderr}`)
  }

  /** Resolves when it has ended by itself. */
  finished(): Promise<Finished> {
    return this.#finished
  }

  /** Sends a signal and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal)
    return this.#finished
  }
}

/** Runs the command until it ends. */
export function anax(args: readonly string[], input?: string): Promise<Finished> {
  const started = new RunningProcess(process.execPath, [COMMAND, ...args])
  started.child.stdin?.end(input)
  return started.finished()
}

/** The URLs of the running command. */
export interface RunningBroker {
  process: RunningProcess
  /** Scheme (`mqtt`, `mqtts`, `ws`, `wss`, `mqtt+unix`) -> URL. */
  urls: Record<string, string>
  /** Port of plain MQTT. */
  port: number
}

/** Starts the command on free ports, and resolves when it has printed them. */
export async function startCommand(...args: string[]): Promise<RunningBroker> {
  const started = new RunningProcess(process.execPath, [
    COMMAND,
    '--port',
    '0',
    '--ws-port',
    '0',
    '--admin-port',
    'off',
    ...args,
  ])
  await started.says(/^ {2}Access/m)
  const urls: Record<string, string> = {}
  for (const [url, scheme] of started.stdout.matchAll(/\b(mqtts?|wss?|mqtt\+unix):\/\/\S+/g)) urls[scheme ?? ''] = url
  return { process: started, urls, port: Number(new URL(urls.mqtt ?? 'mqtt://none:0').port) }
}
