/**
 * Processes of the benchmark: each starts on its own core, if the machine has two and `taskset`, and always ends. Must
 * not know what runs in them.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'
import { withDescendants } from '../measure.js'

/** The load generator has one core, the broker another. */
export const cores = { load: 0, broker: 1 } as const

/** Whether a file exists and can be executed. */
export function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The path of a program; undefined if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return [...folders, '/usr/sbin', '/usr/local/sbin'].map(folder => join(folder, name)).find(isProgram)
}

const taskset = findProgram('taskset')

/** Whether processes are bound to cores. */
export const pinned = taskset !== undefined && availableParallelism() >= 2

const running = new Set<ChildProcess>()
process.once('exit', () => running.forEach(kill))

/** A program may have started others. */
function kill({ pid }: ChildProcess): void {
  for (const one of pid === undefined ? [] : withDescendants(pid)) {
    try {
      process.kill(one, 'SIGKILL')
    } catch {
      // it has ended meanwhile
    }
  }
}

export function startOn(core: number, command: string, parameters: string[], options: SpawnOptions): ChildProcess {
  const child = pinned
    ? spawn(taskset!, ['-c', String(core), command, ...parameters], options)
    : spawn(command, parameters, options)
  running.add(child)
  return child.once('exit', () => running.delete(child))
}

/** Starts a program in Node that talks to this process over IPC. */
export function startNode(core: number, file: string, nodeFlags: string[], parameters: string[]): ChildProcess {
  return startOn(core, process.execPath, [...nodeFlags, file, ...parameters], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
}

/** The next message from a child; rejects if it ends instead. */
export async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const ended = new AbortController()
  const message = once(child, 'message', { signal: ended.signal })
  message.catch(() => {})
  const exit = once(child, 'exit', { signal: ended.signal }).then(([code, signal]) => {
    throw new Error(`ended with ${code ?? signal}`)
  })
  exit.catch(() => {})
  try {
    const [value] = await Promise.race([message, exit])
    return value as T
  } finally {
    ended.abort()
  }
}

/** Kills a child and everything that it has started, and waits until it has ended. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  kill(child)
  await gone
}
