/**
 * Runs the compiled tests with Node's own test runner and ends with what was skipped, why, and one line of totals.
 *
 *   npm test                      everything
 *   npm test -- codec topic       the test files whose path contains one of these words
 *   npm test -- --test-name-pattern=retain
 *   NODE=/path/to/node npm test   with another Node
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const node = process.env.NODE ?? process.execPath
const flags = process.argv.slice(2).filter(argument => argument.startsWith('-'))
const words = process.argv.slice(2).filter(argument => !argument.startsWith('-'))

const built = join(root, 'dist/test')
const files = (existsSync(built) ? readdirSync(built, { recursive: true }) : [])
  .filter(file => file.endsWith('.test.js'))
  .filter(file => words.length === 0 || words.some(word => file.includes(word)))
  .map(file => join('dist/test', file))
  .sort()
if (files.length === 0) {
  console.error('No test file matches. Were they built? npm run build')
  process.exit(1)
}

spawnSync(process.execPath, [join(root, 'scripts/prerequisites.mjs')], { stdio: 'inherit' })

const folder = mkdtempSync(join(tmpdir(), 'anax-test-'))
const results = join(folder, 'results.jsonl')
const { status } = spawnSync(
  node,
  [
    '--enable-source-maps',
    '--test',
    '--test-concurrency=2',
    '--test-timeout=120000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'scripts/results-reporter.mjs')}`,
    `--test-reporter-destination=${results}`,
    ...flags,
    ...files,
  ],
  { cwd: root, stdio: 'inherit' },
)
summarise(readResults())
rmSync(folder, { recursive: true, force: true })
process.exitCode = status ?? 1

function readResults() {
  const lines = readFileSync(results, 'utf8').split('\n')
  return lines.filter(line => line !== '').map(line => JSON.parse(line))
}

function summarise(all) {
  const skipped = all.filter(({ outcome }) => outcome === 'skipped')
  const reasons = new Map()
  for (const { reason } of skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  if (skipped.length > 0) console.log(`\nSkipped tests: ${skipped.length}`)
  for (const [reason, count] of reasons) console.log(`  ${count} x ${reason}`)
  const count = outcome => all.filter(result => result.outcome === outcome).length
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${skipped.length} skipped`)
}
