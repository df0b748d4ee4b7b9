/**
 * Packs the built package, as `npm publish` would, without changing dist/, which running tests may use. Call: node
 * scripts/package/pack.mjs FOLDER. Writes the archive there and prints its path.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const target = resolve(process.argv[2])
const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const copied = ['package.json', 'README.md', 'LICENSE', ...files.filter(file => !file.startsWith('!'))]

const stage = mkdtempSync(join(tmpdir(), 'anax-pack-'))
try {
  mkdirSync(target, { recursive: true })
  const isShipped = path => !path.endsWith('.map')
  for (const file of copied) cpSync(join(root, file), join(stage, file), { recursive: true, filter: isShipped })
  execFileSync(process.execPath, [join(root, 'scripts/package/strip-maps.mjs'), join(stage, 'dist')])
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', target]
  const packed = JSON.parse(
    execFileSync('npm', pack, { cwd: stage, encoding: 'utf8', shell: process.platform === 'win32' }),
  )
  // An object by package name in newer releases of npm, an array in older ones.
  const [{ filename }] = Object.values(packed)
  console.log(join(target, filename))
} finally {
  rmSync(stage, { recursive: true, force: true })
}
