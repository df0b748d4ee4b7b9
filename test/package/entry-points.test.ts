/** Each entry point in package.json has files and exact types for `import` and for `require`. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '../support/root.js'

type Conditions = Record<'import' | 'require', Record<'types' | 'default', string>>

const { exports, main, types } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))

test('the main entry point is found by tools that do not support exports', () => {
  assert.deepEqual({ types, default: main }, exports['.'].require)
})

for (const [name, entry] of Object.entries<Conditions>(exports)) {
  if (name === './package.json') continue
  test(`${name} has both formats, from one source (npm run build completes an entry)`, () => {
    const path = entry.import.default.slice('./dist/'.length, -'.js'.length)
    assert.ok(existsSync(join(ROOT, `${path}.ts`)), path)
    // The order matters: a tool takes the first condition that it knows.
    assert.equal(
      JSON.stringify(entry),
      JSON.stringify({
        import: { types: `./dist/${path}.d.ts`, default: `./dist/${path}.js` },
        require: { types: `./dist/cjs/${path}.d.ts`, default: `./dist/cjs/${path}.js` },
      }),
    )
  })
}
