/**
 * Packages of Aedes's surroundings, as npm has them, on `anax/aedes`: their own tests, unchanged. What they `require` as
 * `aedes` is a package that hands out ours. In the full run only: they are installed for it.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { effort } from '../support/effort.js'
import { ROOT } from '../support/root.js'
import { ownProcess } from './published-tests.js'

/** Package -> version, the files with its tests, and what those need beside it. */
const PACKAGES = {
  'aedes-cli': {
    version: '1.0.2',
    files: ['test/cli.test.js', 'test/authorizer.test.js'],
    needs: ['leaked-handles', 'mqtt'],
  },
  'aedes-server-factory': { version: '0.2.1', files: ['test/test.js'], needs: ['tape', 'mqtt', 'proxy-protocol-js'] },
  'aedes-stats': { version: '4.0.0', files: ['test.js'], needs: ['tape', 'mqtt', 'qlobber'] },
} as const

const PATIENCE_MS = 120_000

describe('packages of Aedes', { skip: effort === 'full' ? false : 'in the full run only' }, () => {
  let folder = ''

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'anax-packages-'))
    const stand = join(folder, 'aedes')
    mkdirSync(stand)
    writeFileSync(join(stand, 'package.json'), '{ "name": "aedes", "version": "1.2.0", "main": "index.js" }')
    writeFileSync(
      join(stand, 'index.js'),
      `module.exports = require(${JSON.stringify(join(ROOT, 'dist/cjs/lib/aedes/index.js'))})`,
    )
    const aedes = 'file:./aedes'
    const manifest = { private: true, dependencies: { aedes }, overrides: { aedes: '$aedes' } }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
    const wanted = Object.entries(PACKAGES).flatMap(([name, { version, needs }]) => [`${name}@${version}`, ...needs])
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--legacy-peer-deps', ...new Set(wanted)], {
      cwd: folder,
      stdio: 'pipe',
    })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const [name, { files }] of Object.entries(PACKAGES)) {
    it(`${name} passes its tests`, () => {
      const cwd = join(folder, 'node_modules', name)
      for (const file of files) {
        const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
          cwd,
          encoding: 'utf8',
          env: ownProcess(),
          timeout: PATIENCE_MS,
        })
        assert.equal(status, 0, `${stdout}\n${stderr}`)
        assert.match(stdout, /^# pass +[1-9]/m)
      }
    })
  }
})
