/**
 * Runs the tests that Aedes 1.2 and the beta of 2.0 were published with, unchanged, on `anax/aedes`: the failures are
 * known, and the documentation gives the reasons. All files in the full run; otherwise the fast ones.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { effort } from '../support/effort.js'
import { ROOT } from '../support/root.js'
import { EITHER_WAY, FORBIDDEN, KNOWN_DIFFERENCES, KNOWN_DIFFERENCES_2 } from './known-differences.js'
import { testsInside } from './public-interface.js'
import { type Known, namesOf, runTestFile, testFilesOf } from './published-tests.js'

const QUICK = ['prototype-keys.js', 'topics.js', 'bridge.js']

interface Suite {
  name: string
  package: string
  isOf(file: string): boolean
  /** Tests that fail because they expect what the standard forbids. */
  forbidden: Known
  /** Other tests that fail. */
  known: Known
  /** Tests that may fail or pass, and are not counted. */
  either: Known
}

const SUITES = [
  {
    name: 'Aedes 1.2',
    package: 'aedes',
    isOf: () => true,
    forbidden: FORBIDDEN,
    known: KNOWN_DIFFERENCES,
    either: EITHER_WAY,
  },
  {
    name: 'Aedes 2.0 beta',
    package: 'aedes-2',
    // the others are those of 1.2
    isOf: (file: string) => file === 'mqtt5.js',
    forbidden: {},
    known: KNOWN_DIFFERENCES_2,
    either: {},
  },
] satisfies Suite[]

const page = readFileSync(join(ROOT, 'docs/test/migrating-from-aedes.md'), 'utf8')
const allClauses = readFileSync(join(ROOT, 'test/spec/clauses.tsv'), 'utf8')

for (const { name, package: packageName, isOf, forbidden, known, either } of SUITES) {
  const paths = testFilesOf(packageName).filter(path => isOf(basename(path)))
  const inside = paths[0] === undefined ? assert.fail(packageName) : testsInside(dirname(dirname(paths[0])))
  const expected = (file: string) => [...namesOf(forbidden, file), ...namesOf(known, file)]

  describe(`the tests of ${name}`, () => {
    let run = 0
    for (const path of paths.filter(each => effort === 'full' || QUICK.includes(basename(each)))) {
      const file = basename(path)
      it(`in ${file} that use only its public interface pass, except for the known failures`, async () => {
        const { passed, failed } = await runTestFile(path, { failing: expected(file), left: inside(path) })
        const counted = (names: string[]) => names.filter(each => !namesOf(either, file).includes(each))
        const unexpected = (names: string[], isExpected: boolean) =>
          counted(names).filter(each => expected(file).includes(each) !== isExpected)
        assert.deepEqual(unexpected(failed, true), [], 'fails')
        assert.deepEqual(unexpected(passed, false), [], 'passes, although it is listed as failing')
        run += counted([...passed, ...failed]).length
      })
    }

    after(() => {
      if (effort !== 'full') return
      const passed = run - namesOf(forbidden).length - namesOf(known).length
      for (const all of [run, run - namesOf(forbidden).length]) {
        const share = `${passed} of ${all} (${Math.floor((passed / all) * 100)} %)`
        assert.ok(page.includes(share), share)
      }
    })
  })

  it(`known failures in the tests of ${name} have a reason in the documentation`, () => {
    for (const reason of Object.keys({ ...forbidden, ...known })) assert.ok(page.includes(`| ${reason}.`), reason)
  })

  it(`tests of ${name} that contradict the standard name the clauses`, () => {
    for (const reason of Object.keys(forbidden)) {
      const row = page.split('\n').find(line => line.startsWith(`| ${reason}.`)) ?? ''
      const clauses = [...row.matchAll(/\[(MQTT-[\d.-]+)\]/g)].map(([, clause]) => clause!)
      assert.ok(clauses.length > 0, reason)
      for (const clause of clauses) assert.ok(allClauses.includes(`3.1.1\t${clause}\t`), clause)
    }
  })

  it(`known failures are tests of ${name} that use only its public interface`, () => {
    const pathOf = new Map(paths.map(path => [basename(path), path]))
    for (const byFile of [known, forbidden, either].flatMap(each => Object.values(each))) {
      for (const [file, tests] of Object.entries(byFile as Record<string, readonly string[]>)) {
        const path = pathOf.get(file) ?? assert.fail(`no file ${file}`)
        const source = readFileSync(path, 'utf8')
        for (const test of tests) {
          assert.ok(source.includes(test.slice(0, 20)), `${file}: ${test}`)
          assert.ok(!inside(path).some(name => name.test(test)), `${file}: ${test}`)
        }
      }
    }
  })
}
