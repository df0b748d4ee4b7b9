/**
 * Runs test/spec on `anax/aedes`, with the layer's bus, store and hooks: all tests run, and the list of failures is
 * known. Each file runs in its own process.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '../support/root.js'
import { BEHAVIOUR_DIFFERENCES } from './behaviour-differences.js'
import { namesOf, ownProcess, resultOf } from './published-tests.js'

const FOLDER = join(ROOT, 'dist/test/spec')

/** Files that connect to the broker of test/support/spec.ts; the others create their own. */
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
  name => name.endsWith('.test.js') && readFileSync(join(FOLDER, name), 'utf8').includes('support/spec.js'),
)

/** The title of a test, without clauses and version. */
const titleOf = (name: string) => name.replace(/^(\[[^\]]*\] )+/, '').replace(/ \(version \d\)$/, '')

describe('tests of the standard with anax/aedes', { concurrency: 2 }, () => {
  for (const file of files) {
    const name = file.replace('.test.js', '')
    it(`${name} pass, except for the known failures`, async () => {
      const { passed, failed } = resultOf(await outputOf(file))
      assert.ok(passed.length > 0)
      const titles = [...new Set(failed.map(titleOf))]
      assert.deepEqual(titles.sort(), namesOf(BEHAVIOUR_DIFFERENCES, name).sort())
    })
  }
})

async function outputOf(file: string): Promise<string> {
  const env = { ...ownProcess(), ANAX_TEST_LAYER: 'aedes' }
  const args = ['--test-reporter=tap', '--test-force-exit', join(FOLDER, file)]
  // a failing test is not an error here: the results are compared below
  const ended = await promisify(execFile)(process.execPath, args, { env, timeout: 120_000 }).catch(error => error)
  return ended.stdout
}
