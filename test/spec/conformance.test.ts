/** The proof of conformance is complete: every clause has its test, every named clause exists, and the page matches. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { currentPage, nameOf, proofsIn, readClauses, readProofs, renderPage } from '../support/conformance.js'

const clauses = readClauses()
const proofs = readProofs()
const named = new Set(proofs.map(({ clause }) => clause))

describe('conformance', () => {
  it('has a table of all numbered clauses: 141 of MQTT 3.1.1 and 251 of MQTT 5.0', () => {
    const countOf = (version: string) => new Set(clauses.filter(row => row.version === version).map(nameOf)).size
    assert.deepEqual([countOf('3.1.1'), countOf('5.0'), clauses.length], [141, 251, 392])
  })

  it('has at least one test for each testable clause', () => {
    const unproved = clauses.filter(clause => clause.untestable === undefined).map(nameOf)
    assert.deepEqual(
      unproved.filter(clause => !named.has(clause)),
      [],
    )
  })

  it('has every clause that a test names', () => {
    const known = new Set(clauses.map(nameOf))
    const unknown = proofs.filter(({ clause }) => !known.has(clause))
    assert.deepEqual(unknown, [])
  })

  it('has no test for a clause that is marked as untestable', () => {
    const untestable = clauses.filter(clause => clause.untestable !== undefined).map(nameOf)
    assert.deepEqual(
      untestable.filter(clause => named.has(clause)),
      [],
    )
  })

  it('matches docs/behaviour/conformance.md', () => {
    assert.equal(currentPage(), renderPage(clauses, proofs), 'out of date: run node scripts/conformance.mjs')
  })

  it('reads clauses from the titles of tests, not from comments', () => {
    const clause = (id: string) => `[5.0 ${'MQTT'}-${id}]`
    const source = [
      `// ${clause('1')} /* it's */`,
      `spec('${clause('2')} ${clause('3')} a\\'s title', [5], body)`,
      `spec(/'/, \`${clause('4')} \${x ? 'a' : "b"} and \\`,
      `so on\`, '${clause('5')}' +`,
      `  " sum")`,
    ].join('\n')
    assert.deepEqual(proofsIn('test/x.test.ts', source), [
      { clause: '5.0 MQTT-2', file: 'test/x.test.ts', title: "a's title" },
      { clause: '5.0 MQTT-3', file: 'test/x.test.ts', title: "a's title" },
      { clause: '5.0 MQTT-4', file: 'test/x.test.ts', title: '… and so on' },
      { clause: '5.0 MQTT-5', file: 'test/x.test.ts', title: 'sum' },
    ])
  })
})
