/**
 * Verifies a store in a separate process before it is opened: a file that crashes LMDB is refused and does not crash
 * the host. Owns that process and the refusal; check.ts has the checks.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { AnaxError } from '../../../errors.js'
import { inUse } from '../file/folder.js'
import { type CheckDepth, type CheckReport, checkFile, type Damage } from './check.js'
import type { VerifyMessage } from './verify-process.js'

/** The program of the process; undefined in a CommonJS bundle, where modules have no URL. */
function processFile(): string | undefined {
  return import.meta.url ? fileURLToPath(new URL('./verify-process.js', import.meta.url)) : undefined
}

/** The outcome of the process. */
interface Outcome {
  isStarted: boolean
  report: CheckReport | undefined
  pid: number | undefined
  isDone: boolean
  failure: string | undefined
  end: string
}

/**
 * Resolves if a store can be opened.
 * @param folder has a data file
 * @param file the program of the process
 * @throws AnaxError ANAX_ERR_STORE_FORMAT if it is damaged, ANAX_ERR_STORE if another process has it open
 */
export async function verify(folder: string, depth: CheckDepth, file = processFile()): Promise<void> {
  const { isStarted, report, pid, isDone, failure, end } = await runProcess(file, [folder, depth])
  if (pid !== undefined) throw inUse(folder, `process ${pid}`)
  // If no process can be started (a bundle, a sandbox), only the check without LMDB runs, in this process.
  const { damage } = report ?? (isStarted ? { damage: [] } : checkFile(folder, depth))
  if (damage.length > 0) throw damaged(folder, damage)
  if (failure !== undefined) throw refusal(`${folder}: ${failure}`)
  if (isStarted && !isDone) throw refusal(`${folder}: LMDB does not survive reading it (${end})`)
}

function runProcess(file: string | undefined, args: string[]): Promise<Outcome> {
  const outcome: Outcome = {
    isStarted: false,
    report: undefined,
    pid: undefined,
    isDone: false,
    failure: undefined,
    end: '',
  }
  if (file === undefined) return Promise.resolve(outcome)
  return new Promise(resolve => {
    const child = fork(file, args, {
      execArgv: [],
      // In Electron, the executable acts as Node.js only with this variable.
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    child.on('message', message => note(outcome, message as VerifyMessage))
    child.on('error', () => resolve(outcome))
    child.on('exit', (code, signal) => {
      outcome.end = signal ?? `exit code ${code}`
      resolve(outcome)
    })
  })
}

function note(outcome: Outcome, message: VerifyMessage): void {
  if (message.kind === 'started') outcome.isStarted = true
  else if (message.kind === 'report') outcome.report = message.report
  else if (message.kind === 'in-use') outcome.pid = message.pid
  else if (message.kind === 'failed') outcome.failure = message.reason
  else outcome.isDone = true
}

/** The error for a damaged store: it names one place, and the number of places. */
function damaged(folder: string, damage: readonly Damage[]): AnaxError {
  const [first] = damage
  const place = [first?.table, first?.key].filter(part => part !== undefined).join(', ')
  const more = damage.length > 1 ? ` and ${damage.length - 1} more places` : ''
  return refusal(`${folder} is damaged: ${place === '' ? '' : `${place}: `}${first?.what}${more}; see 'anax check'`)
}

function refusal(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_STORE_FORMAT', { detail })
}
