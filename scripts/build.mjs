/**
 * Compiles everything into an empty dist/ and makes the command executable.
 * Knows the compiler and nothing of what it compiles.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
const command = join(root, 'dist/lib/cli/main.js')

rmSync(join(root, 'dist'), { recursive: true, force: true })
const { status } = spawnSync(process.execPath, [join(typescript, 'bin/tsc')], { cwd: root, stdio: 'inherit' })
if (status === 0 && existsSync(command)) chmodSync(command, 0o755)
process.exitCode = status ?? 1
