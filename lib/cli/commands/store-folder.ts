/** `anax check`, `anax backup` and `anax compact`: their output. The store does the work. */
import { backupLmdbStore, type CheckReport, checkLmdbStore, compactLmdbStore } from '../../persistence/lmdb/lmdb.js'

/** Prints the damage; the exit code is then 1. */
export async function check(folder: string): Promise<void> {
  const report = checkLmdbStore(folder)
  process.stdout.write(`${linesOf(folder, report).join('\n')}\n`)
  if (report.damage.length > 0) process.exitCode = 1
}

export async function backup(folder: string, target: string): Promise<void> {
  await backupLmdbStore(folder, target)
  process.stdout.write(`${folder} is copied to ${target}\n`)
}

export async function compact(folder: string): Promise<void> {
  const { before, after } = await compactLmdbStore(folder)
  process.stdout.write(`${folder} had ${before} bytes and has ${after} now\n`)
}

function linesOf(folder: string, { schema, tables, damage }: CheckReport): string[] {
  const rows = Object.entries(tables).map(([name, { whole, damaged }]) => {
    const note = damaged === 0 ? '' : `, and ${damaged} damaged`
    return `  ${name.padEnd(16)}${whole} records${note}`
  })
  const places = damage.map(({ table, key, what }) => {
    const place = [table, key].filter(part => part !== undefined).join(', ')
    return `  ${place === '' ? 'the file' : place}: ${what}`
  })
  const head = `${folder}: schema version ${schema ?? 'unknown'}`
  if (places.length === 0) return [head, ...rows, 'No damage found']
  const advice = `Save the undamaged records with: anax salvage ${folder} NEW-FOLDER`
  return [head, ...rows, `Damaged in ${places.length} places:`, ...places, advice]
}
