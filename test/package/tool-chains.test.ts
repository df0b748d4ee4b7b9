/** The table of docs/embed/tool-chains.md lists exactly what the full test run runs. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../support/root.js'
import { toolChains } from './tool-chains.js'

test('docs/embed/tool-chains.md has a row for each tool chain', () => {
  const page = readFileSync(join(ROOT, 'docs/embed/tool-chains.md'), 'utf8')
  const rows = [...page.matchAll(/^\| (.*?) +\| (\d\S*) +\| (.*?) +\|$/gm)].map(row => row.slice(1).join(' | '))
  assert.deepEqual(
    rows,
    toolChains([]).map(({ tool, version, what }) => `${tool} | ${version} | ${what}`),
  )
})
