/** The table "I want to add …" of docs/architecture.md: each file of a row contains an existing example. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ROOT } from './support/root.js'

/** Row -> an existing example; every file of the row has to contain it. */
const EXAMPLES: Readonly<Record<string, RegExp>> = {
  'a hook': /authorizeForward/,
  'an option': /maxInflight/,
  'an event': /connackSent|clientReady|clientError/,
  'a property of MQTT 5.0': /topicAliasMaximum/,
  'an error': /ANAX_ERR_QUOTA/,
  'a member of `Client`': /disconnect/,
  'a reason to drop a message': /drop/i,
  'an entry point': /server/,
}

const section =
  /## I want to add …\n(.*?)\n## /s.exec(readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8'))?.[1] ?? ''
const rows = new Map([...section.matchAll(/^\| (.+?) +\| (.+?) +\|$/gm)].map(([, what, files]) => [what!, files!]))

describe('the table "I want to add …"', () => {
  it('has the rows that are asked for most', () => {
    const missing = [...Object.keys(EXAMPLES), 'a store', 'a transport'].filter(what => !rows.has(what))
    assert.deepEqual(missing, [])
  })

  for (const [what, example] of Object.entries(EXAMPLES)) {
    it(`names files that ${what} is in`, () => {
      const named = [...(rows.get(what) ?? '').matchAll(/`([\w./-]+\.(?:ts|md|json))`/g)].map(([, file]) => file!)
      assert.ok(named.length > 0)
      const wrong = named.filter(file => file !== 'index.ts' && !example.test(readFileSync(join(ROOT, file), 'utf8')))
      assert.deepEqual(wrong, [])
    })
  }
})
