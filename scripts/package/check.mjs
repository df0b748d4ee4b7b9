/**
 * Checks the packed package with publint and "Are the types wrong?": entry points, formats, types for each. Works on a
 * fresh archive; the package must be built.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from './entry-points.mjs'

const CHECKS = [
  ['publint', 'run', '--strict'],
  ['attw', '--profile', 'strict', '--no-emoji', '--format', 'table-flipped'],
]

const folder = mkdtempSync(join(tmpdir(), 'anax-check-'))
const archive = execFileSync(process.execPath, [join(root, 'scripts/package/pack.mjs'), folder], {
  encoding: 'utf8',
}).trim()
const failed = CHECKS.filter(([tool, ...args]) => {
  const { status } = spawnSync(join(root, 'node_modules/.bin', tool), [...args, archive], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  return status !== 0
})
rmSync(folder, { recursive: true, force: true })
process.exitCode = failed.length === 0 ? 0 : 1
