/**
 * The tests that Aedes 1.2 and the beta of 2.0 were published with, as they are, on `anax/aedes`: what fails is known,
 * and the documentation says why. In the full run all files; otherwise those that take little time.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { effort } from '../support/effort.js'
import { ROOT } from '../support/root.js'
import { EITHER_WAY, KNOWN_DIFFERENCES, KNOWN_DIFFERENCES_2, PRIVATE } from './known-differences.js'
import { type Known, namesOf, runTestFile, testFilesOf } from './published-tests.js'

const QUICK = ['prototype-keys.js', 'topics.js', 'bridge.js']

interface Suite {
  name: string
  package: string
  isOf(file: string): boolean
  /** What fails. */
  known: Known
  /** What fails as well, and is not counted. */
  apart: Known
  /** What may fail or pass, and is not counted. */
  either: Known
}

const SUITES = [
  {
    name: 'Aedes 1.2',
    package: 'aedes',
    isOf: () => true,
    known: KNOWN_DIFFERENCES,
    apart: PRIVATE,
    either: EITHER_WAY,
  },
  {
    name: 'Aedes 2.0 beta',
    package: 'aedes-2',
    // the others are those of 1.2
    isOf: (file: string) => file === 'mqtt5.js',
    known: KNOWN_DIFFERENCES_2,
    apart: {},
    either: {},
  },
] satisfies Suite[]

const page = readFileSync(join(ROOT, 'docs/migrating-from-aedes.md'), 'utf8')

for (const { name, package: packageName, isOf, known, apart, either } of SUITES) {
  const paths = testFilesOf(packageName).filter(path => isOf(basename(path)))
  const expected = (file: string) => [...namesOf(known, file), ...namesOf(apart, file)]

  describe(`the tests of ${name}`, () => {
    let run = 0
    for (const path of paths.filter(each => effort === 'full' || QUICK.includes(basename(each)))) {
      const file = basename(path)
      it(`in ${file} pass, all but those that are known`, async () => {
        const { passed, failed } = await runTestFile(path, expected(file))
        const unexpected = (names: string[], isExpected: boolean) =>
          names.filter(each => expected(file).includes(each) !== isExpected && !namesOf(either, file).includes(each))
        assert.deepEqual(unexpected(failed, true), [], 'fails')
        assert.deepEqual(unexpected(passed, false), [], 'passes, and is said to fail')
        run += passed.length + failed.length
      })
    }

    after(() => {
      if (effort !== 'full') return
      const isPublic = run - namesOf(apart).length - namesOf(either).length
      const passed = isPublic - namesOf(known).length
      const share = Math.floor((passed / isPublic) * 100)
      assert.ok(page.includes(`${passed} of ${isPublic} (${share} %)`), `${passed} of ${isPublic} (${share} %)`)
    })
  })

  it(`what is known to fail of ${name} has a reason in the documentation`, () => {
    for (const reason of Object.keys(known)) assert.ok(page.includes(`| ${reason}.`), reason)
  })

  it(`what is known to fail is a test of ${name}`, () => {
    const sources = new Map(paths.map(path => [basename(path), readFileSync(path, 'utf8')]))
    for (const byFile of [known, apart, either].flatMap(each => Object.values(each))) {
      for (const [file, tests] of Object.entries(byFile as Record<string, readonly string[]>)) {
        const source = sources.get(file) ?? assert.fail(`no file ${file}`)
        for (const test of tests) assert.ok(source.includes(test.slice(0, 20)), `${file}: ${test}`)
      }
    }
  })
}
