/**
 * The process in which a store is verified: if LMDB crashes on a damaged file, only this process ends. Its arguments
 * are a folder and a depth. It reports the result to its parent.
 */
import { textOf } from '../../../errors.js'
import { TABLES } from '../engine/table-names.js'
import { type CheckDepth, type CheckReport, checkFile } from './check.js'

/** A message of the process to its parent. */
export type VerifyMessage =
  | { readonly kind: 'started' }
  | { readonly kind: 'report'; readonly report: CheckReport }
  | { readonly kind: 'in-use'; readonly pid: number }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'done' }

const [folder = '', depth = 'quick'] = process.argv.slice(2)
/** Maximum number of databases that LMDB may open. */
const MAX_DATABASES = TABLES.length + 2

function tell(message: VerifyMessage): void {
  process.send?.(message)
}

/** Reads what the store reads when it is opened, and with `full` each record. */
async function readThrough(): Promise<void> {
  const { open } = await import('lmdb')
  const root = open({ path: folder, noSubdir: false, readOnly: true, maxDbs: MAX_DATABASES })
  root.readerCheck()
  const pids = root
    .readerList()
    .split('\n')
    .map(line => Number.parseInt(line, 10))
  const other = pids.find(pid => Number.isInteger(pid) && pid !== process.pid)
  if (other !== undefined) tell({ kind: 'in-use', pid: other })
  else if (isWhole) {
    for (const name of [...root.getKeys({})])
      readTable(root.openDB(String(name), { encoding: 'binary', keyEncoding: 'binary' }))
  }
  await root.close()
}

function readTable(table: { getRange(range: { limit?: number }): Iterable<unknown> }): void {
  for (const _row of table.getRange(depth === 'full' ? {} : { limit: 1 }));
}

process.on('disconnect', () => process.exit())
tell({ kind: 'started' })
const report = checkFile(folder, depth as CheckDepth)
const isWhole = report.damage.length === 0
tell({ kind: 'report', report })
readThrough().then(
  () => {
    tell({ kind: 'done' })
    process.disconnect?.()
  },
  error => {
    tell({ kind: 'failed', reason: textOf(error) })
    process.disconnect?.()
  },
)
