/**
 * Checks that every dependency of the package (without those of development only) has a permissive licence. Reads the
 * lock file and the installed packages; knows nothing of the code.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'BlueOak-1.0.0']

const root = fileURLToPath(new URL('../..', import.meta.url))
const readJson = file => JSON.parse(readFileSync(join(root, file), 'utf8'))

const { packages } = readJson('package-lock.json')
const shipped = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
const installed = shipped.filter(([path]) => existsSync(join(root, path, 'package.json')))
const others = installed
  .map(([path]) => ({ path, license: readJson(join(path, 'package.json')).license ?? 'none stated' }))
  .filter(({ license }) => !PERMISSIVE.some(name => license.replaceAll(/[()]/g, '').split(' OR ').includes(name)))

for (const { path, license } of others) console.error(`${path}: licence ${license}`)
console.log(`Licences of ${installed.length} packages checked, ${others.length} not permissive`)
process.exitCode = others.length === 0 ? 0 : 1
