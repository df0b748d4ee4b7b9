/**
 * The tests that Aedes 1.2 was published with, as they are, on `anax/aedes`: what fails is known, and the documentation
 * says why. In the full run all files; otherwise those that take little time.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, it } from 'node:test'
import { effort } from '../support/effort.js'
import { ROOT } from '../support/root.js'
import { KNOWN_DIFFERENCES } from './known-differences.js'
import { runTestFile, testFilesOf } from './published-tests.js'

const QUICK = ['prototype-keys.js', 'topics.js', 'bridge.js']

const files = testFilesOf('aedes').filter(file => effort === 'full' || QUICK.includes(basename(file)))

function knownIn(file: string): string[] {
  return Object.values(KNOWN_DIFFERENCES).flatMap(byFile => byFile[file] ?? [])
}

describe('the tests of Aedes 1.2', { concurrency: 2 }, () => {
  for (const path of files) {
    const file = basename(path)
    it(`in ${file} pass, all but those that are known`, async () => {
      const { passed, failed } = await runTestFile(path)
      assert.deepEqual(
        failed.filter(name => !knownIn(file).includes(name)),
        [],
      )
      assert.ok(passed.length > 0 || knownIn(file).length === failed.length)
    })
  }
})

it('what is known to fail has a reason in the documentation', () => {
  const page = readFileSync(join(ROOT, 'docs/migrating-from-aedes.md'), 'utf8')
  for (const reason of Object.keys(KNOWN_DIFFERENCES)) assert.ok(page.includes(reason), reason)
})

it('what is known to fail is a test of Aedes', () => {
  const names = new Map(testFilesOf('aedes').map(path => [basename(path), readFileSync(path, 'utf8')]))
  for (const byFile of Object.values(KNOWN_DIFFERENCES)) {
    for (const [file, tests] of Object.entries(byFile)) {
      const source = names.get(file) ?? assert.fail(`no file ${file}`)
      for (const test of tests) assert.ok(source.includes(test.slice(0, 20)), `${file}: ${test}`)
    }
  }
})
