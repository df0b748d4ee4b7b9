/**
 * Runs the compiled tests with Node's own test runner. Ends with what was skipped and why, which files took longest
 * and whether they keep to the budget, and one line of totals.
 *
 *   npm test                      everything but the long forms
 *   npm run test:fast             the files that start no process and open no store on disk, with fewer random cases
 *   npm run test:full             everything, with many more random cases and the long forms
 *   npm test -- codec topic       the test files whose path contains one of these words
 *   npm test -- --test-name-pattern=retain
 *   NODE=/path/to/node npm test   with another Node
 *   ANAX_TEST_SEED=1 npm test     property tests draw the same cases each time, instead of new ones
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { findTestFiles, isQuick } from './test/files.mjs'

/** Processes that run test files at the same time. Half the time of a file is spent waiting for other processes. */
const PARALLEL = 3

/**
 * Each form: how long a file may take before it is killed; and the seconds of all files together, which each later
 * addition has to fit into. Three files run at a time, so that a run takes a third of it.
 */
const FORMS = {
  fast: { fileLimitMs: 600_000, budget: 50 },
  normal: { fileLimitMs: 240_000, budget: 450 },
  full: { fileLimitMs: 900_000, budget: 2700 },
}

/** Seconds that a file may take in the normal form. */
const FILE_BUDGET = 12

/**
 * So many processes share the quick files of a whole run: starting one for each would take as long as the tests. Fewer
 * take longer again: what the test runner keeps of each test makes collections slower.
 */
const SHARED_PROCESSES = 8

const root = fileURLToPath(new URL('..', import.meta.url))
const node = process.env.NODE ?? process.execPath
const given = process.argv.slice(2)
const form = Object.keys(FORMS).find(name => given.includes(`--form=${name}`)) ?? 'normal'
const flags = given.filter(argument => argument.startsWith('-') && !argument.startsWith('--form='))
const words = given.filter(argument => !argument.startsWith('-'))
const { fileLimitMs, budget } = FORMS[form]

const files = findTestFiles(words, form)
if (files.length === 0) {
  console.error('No test file matches. Were they built? npm run build')
  process.exit(1)
}
if (form !== 'fast') installPrerequisites()

const preloads = ['./test/seconds.mjs', ...('ANAX_TEST_SEED' in process.env ? ['./test/seed.mjs'] : [])]
const folder = mkdtempSync(join(tmpdir(), 'anax-test-'))
const results = join(folder, 'results.jsonl')
const times = join(folder, 'times.jsonl')
const { status } = spawnSync(
  node,
  [
    '--enable-source-maps',
    ...preloads.map(file => `--import=${new URL(file, import.meta.url)}`),
    '--test',
    `--test-concurrency=${PARALLEL}`,
    `--test-timeout=${fileLimitMs}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${join(root, 'scripts/test/results-reporter.mjs')}`,
    `--test-reporter-destination=${results}`,
    ...flags,
    ...programs(),
  ],
  { cwd: root, stdio: 'inherit', env: { ...process.env, ANAX_TEST_EFFORT: form, ANAX_TEST_SECONDS: times } },
)
summarise(readLines(results), readLines(times))
rmSync(folder, { recursive: true, force: true })
process.exitCode = status ?? 1

/** What Node is to run: in the full form, and where files were named, each test file is a process of its own. */
function programs() {
  if (form === 'full' || words.length > 0) return files
  return [...files.filter(file => !isQuick(file)), ...gathered(files.filter(isQuick))]
}

/** Files that import the quick test files, so that many of these share a process. */
function gathered(quick) {
  const count = Math.min(SHARED_PROCESSES, quick.length)
  return Array.from({ length: count }, (_, index) => {
    const share = quick.filter((_, position) => position % count === index)
    const path = join(folder, `${index + 1}.test.mjs`)
    writeFileSync(path, share.map(file => `import '${pathToFileURL(join(root, file))}'\n`).join(''))
    return path
  })
}

function readLines(file) {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : []
  return lines.filter(line => line !== '').map(line => JSON.parse(line))
}

function summarise(all, timed) {
  const skipped = all.filter(({ outcome }) => outcome === 'skipped')
  const reasons = new Map()
  for (const { reason } of skipped) reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  if (skipped.length > 0) console.log(`\nSkipped tests: ${skipped.length}`)
  for (const [reason, count] of reasons) console.log(`  ${count} x ${reason}`)
  if (words.length === 0 && flags.length === 0) tellSeconds(timed)
  const count = outcome => all.filter(result => result.outcome === outcome).length
  console.log(`\n${count('passed')} passed, ${count('failed')} failed, ${skipped.length} skipped`)
}

function tellSeconds(timed) {
  const sum = of => timed.reduce((total, line) => total + line[of], 0)
  const total = sum('seconds')
  console.log(`\n${total.toFixed(0)} s in ${timed.length} processes, ${PARALLEL} at a time; the budget is ${budget} s`)
  const alone = timed.filter(({ file }) => file.startsWith(root)).toSorted((a, b) => b.seconds - a.seconds)
  console.log(`Of that, ${sum('cpu').toFixed(0)} s on a processor${alone.length === 0 ? '' : '. The slowest:'}`)
  for (const { file, seconds } of alone.slice(0, 10)) {
    const over = form === 'normal' && seconds > FILE_BUDGET ? `  over the ${FILE_BUDGET} s of a file` : ''
    console.log(`  ${seconds.toFixed(1).padStart(5)} s  ${file.slice(root.length).replace('dist/', '')}${over}`)
  }
  if (total > budget) console.log('  Over the budget: is the machine busy, or does a test need a long form?')
}

function installPrerequisites() {
  const env = { ...process.env, ANAX_TEST_EFFORT: form }
  spawnSync(process.execPath, [join(root, 'scripts/prerequisites.mjs')], { stdio: 'inherit', env })
}
