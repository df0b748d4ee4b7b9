/**
 * Our own tests of the standard, on `anax/aedes`: those about what Aedes offers as well, with the bus, the store and the
 * hooks that the layer brings. Each file is a process of its own.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { it } from 'node:test'
import { ROOT } from '../support/root.js'
import { ownProcess } from './published-tests.js'

const FILES = [
  ...['takeover', 'ordering', 'qos-inbound', 'qos-outbound', 'redelivery', 'subscription-options', 'unsubscribe'],
  'user-properties',
]

for (const name of FILES) {
  it(`${name}.test.ts passes on the layer`, () => {
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, `dist/test/spec/${name}.test.js`)], {
      encoding: 'utf8',
      env: { ...ownProcess(), ANAX_TEST_LAYER: 'aedes' },
      timeout: 60_000,
    })
    assert.equal(status, 0, stdout)
  })
}
