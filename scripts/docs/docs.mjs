/**
 * Writes the API reference of every entry point into api/, from the docstrings. A warning is an error. Installs TypeDoc
 * and its TypeScript beside this file, if they are missing.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { completeEntryPoints, root } from '../package/entry-points.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const typedoc = join(here, 'node_modules/typedoc/bin/typedoc')

if (!existsSync(typedoc)) run('npm', ['ci', '--no-audit', '--no-fund', '--prefix', here])
const entryPoints = completeEntryPoints().flatMap(source => ['--entryPoints', join(root, source)])
run(process.execPath, [typedoc, '--options', join(here, 'typedoc.json'), ...entryPoints])

function run(program, args) {
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}
