/** The catalogue of errors and docs/embed/errors.md match, in both directions. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AnaxError, ERRORS, type ErrorCode, wrapError } from '../lib/errors.js'
import { ReasonCode } from '../lib/reason-codes.js'
import { ROOT } from './support/root.js'

/** A section of the page: heading, facts, meaning, advice. */
const SECTION = /^### (\w+)\n\n`0x([0-9a-f]{2})` · (\w+) · (.+)\n\n(.+)\n\n[*_]What to do:[*_] (.+)$/gm

describe('docs/embed/errors.md', () => {
  const page = readFileSync(join(ROOT, 'docs/embed/errors.md'), 'utf8')
  const sections = new Map([...page.matchAll(SECTION)].map(([, code = '', ...facts]) => [code, facts]))

  it('has a section for every error, and no other', () => {
    const headings = [...page.matchAll(/^### (\w+)$/gm)].map(([, code]) => code)
    assert.deepEqual(headings, Object.keys(ERRORS), 'headings and catalogue, in the same order')
    assert.deepEqual([...sections.keys()], headings, 'sections are complete')
  })

  for (const [code, [reasonCode, scope, message]] of Object.entries(ERRORS)) {
    it(`has the facts of ${code}`, () => {
      const facts = sections.get(code)?.slice(0, 3)
      assert.deepEqual(facts, [reasonCode.toString(16).padStart(2, '0'), scope, message])
    })
  }
})

describe('the catalogue of errors', () => {
  it('has reason codes of MQTT 5.0, failures all', () => {
    const known = new Set<number>(Object.values(ReasonCode))
    for (const [code, [reasonCode]] of Object.entries(ERRORS)) {
      assert.ok(known.has(reasonCode) && reasonCode >= 0x80, code)
    }
  })

  it('makes errors with everything that is known', () => {
    const cause = new Error('disk full')
    const error = new AnaxError('ANAX_ERR_STORE', { detail: 'retained', cause, reasonCode: 0x97, scope: 'connection' })
    assert.ok(error instanceof Error)
    assert.equal(error.name, 'AnaxError')
    assert.equal(error.message, 'The store failed: retained')
    const { code, reasonCode, scope } = error
    assert.deepEqual([code, reasonCode, scope, error.cause], ['ANAX_ERR_STORE', 0x97, 'connection', cause])
  })

  it('wraps what others throw, whatever it is, and leaves its own errors alone', () => {
    const code: ErrorCode = 'ANAX_ERR_HOOK_FAILED'
    const own = new AnaxError('ANAX_ERR_QUOTA')
    assert.equal(wrapError(code, own), own)
    for (const thrown of [new TypeError('oops'), 'oops', undefined, null, 7]) {
      const error = wrapError(code, thrown)
      assert.equal(error.code, code)
      assert.equal(error.cause, thrown)
    }
  })
})
