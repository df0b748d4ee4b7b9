/**
 * Processes of the benchmark: each starts on the core it was given, where the machine has two and
 * `taskset`, and ends for certain. Knows nothing of what runs in them.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join } from 'node:path'

/** The load generator has one core, the broker another. */
export const cores = { load: 0, broker: 1 } as const

/** Where a program is; undefined if it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return [...folders, '/usr/sbin', '/usr/local/sbin']
    .map(folder => join(folder, name))
    .find(file => {
      try {
        accessSync(file, constants.X_OK)
        return true
      } catch {
        return false
      }
    })
}

const taskset = findProgram('taskset')

/** Whether processes are bound to cores. */
export const pinned = taskset !== undefined && availableParallelism() >= 2

export function startOn(core: number, command: string, parameters: string[], options: SpawnOptions): ChildProcess {
  if (!pinned) return spawn(command, parameters, options)
  return spawn(taskset!, ['-c', String(core), command, ...parameters], options)
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

/** Ends a child at once and waits until it is gone. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
