/**
 * Our own tests of the standard, on `anax/aedes`, with the bus, the store and the hooks that the layer brings: all of
 * them, and which fail is known. Each file is a process of its own.
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

/** Those that connect to a broker of the frame of these tests: the others make their own. */
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
  name => name.endsWith('.test.js') && readFileSync(join(FOLDER, name), 'utf8').includes('support/spec.js'),
)

/** The name of a test, without the clauses before it and the version behind it. */
const titleOf = (name: string) => name.replace(/^(\[[^\]]*\] )+/, '').replace(/ \(version \d\)$/, '')

describe('tests of the standard on the layer', { concurrency: 2 }, () => {
  for (const file of files) {
    const name = file.replace('.test.js', '')
    it(`${name} pass, all but those that are known`, async () => {
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
  // that some fail is how it is
  const ended = await promisify(execFile)(process.execPath, args, { env, timeout: 120_000 }).catch(error => error)
  return ended.stdout
}
