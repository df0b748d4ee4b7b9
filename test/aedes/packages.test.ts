/**
 * npm packages for Aedes on `anax/aedes`: runs their own tests unchanged, with a package `aedes` that exports ours.
 * Part of the full run; each package is installed in its own folder.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { effort } from '../support/effort.js'
import { endWithUs, folderOfOurs } from '../support/programs/left-behind.js'
import { ROOT } from '../support/root.js'
import { ownProcess } from './published-tests.js'

/**
 * Package -> version, its test files, the further packages that its tests need, in the versions that it names, and the
 * command.
 */
const PACKAGES = {
  'aedes-cli': {
    version: '1.0.2',
    files: ['test/cli.test.js', 'test/authorizer.test.js'],
    needs: ['leaked-handles', 'mqtt'],
  },
  'aedes-server-factory': { version: '0.2.1', files: ['test/test.js'], needs: ['tape', 'mqtt', 'proxy-protocol-js'] },
  'aedes-protocol-decoder': {
    version: '2.2.0',
    files: ['test/test.js'],
    needs: ['aedes-server-factory@0.2.1', 'tape@5', 'mqtt@5', 'mqtt-packet@8'],
  },
  'aedes-stats': { version: '4.0.0', files: ['test.js'], needs: ['tape', 'mqtt', 'qlobber'] },
  'aedes-logging': {
    version: '2.0.1',
    files: ['test.js'],
    // the version of MQTT.js that it names, 2, does not run on current Node.js; nor does tap 10
    needs: ['tap@12', 'mqtt@4', 'flush-write-stream@1', 'split2@2', 'websocket-stream@5'],
    // One expects `clientError` for a client that was not accepted, which Aedes 1.2 reports as `connectionError`. The
    // other counts one line too many with MQTT.js 4, also on Aedes.
    env: { TAP_GREP: '/do not crash if a client|avoid logging every/', TAP_GREP_INVERT: '1' },
  },
} satisfies Record<string, { version: string; files: string[]; needs: string[]; env?: NodeJS.ProcessEnv }>

/** Some expect to be connected within a second, even on a busy machine: their clock is slowed down by this factor. */
const SLOWNESS = 2

const PATIENCE_MS = 200_000 * SLOWNESS

/** Loaded before the tests; aedes-logging connects to localhost over IPv6. */
const LOADED = ['slow-clock', 'ipv6-localhost', 'own-ports'].map(
  name => `--import=${pathToFileURL(join(ROOT, `dist/test/support/${name}.js`))}`,
)

/** Ports that they name, except those in the texts that two of them expect. */
const PORTS = [1883, 1884, 1889, 8080, ...Array.from({ length: 10 }, (_, index) => 18_830 + index)]

const INSTALL = ['install', '--no-audit', '--no-fund', '--legacy-peer-deps', '--ignore-scripts']

describe('packages of Aedes', { skip: effort === 'full' ? false : 'in the full run only' }, () => {
  let folder = ''
  let aedes = ''

  before(() => {
    folder = folderOfOurs('anax-packages-')
    const stand = join(folder, 'aedes')
    mkdirSync(stand)
    writeFileSync(join(stand, 'package.json'), '{ "name": "aedes", "version": "1.2.0", "main": "index.js" }')
    const layer = JSON.stringify(join(ROOT, 'dist/cjs/lib/aedes/index.js'))
    writeFileSync(join(stand, 'index.js'), `module.exports = require(${layer})`)
    aedes = `file:${stand}`
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  for (const [name, { version, files, needs, ...how }] of Object.entries(PACKAGES)) {
    it(`${name} passes its tests`, async () => {
      const root = join(folder, `for-${name}`)
      mkdirSync(root)
      const manifest = { private: true, dependencies: { aedes }, overrides: { aedes: '$aedes' } }
      writeFileSync(join(root, 'package.json'), JSON.stringify(manifest))
      await run('npm', [...INSTALL, `${name}@${version}`, ...needs], root)
      for (const file of files) {
        const output = await runSlowly([file], join(root, 'node_modules', name), 'env' in how ? how.env : {})
        assert.match(output, /^ok 1\b/m)
      }
    })
  }

  /** They run Node-RED without its editor, and its MQTT nodes in the same process as the broker. */
  it('node-red-contrib-aedes passes its tests in Node-RED 4', async () => {
    await run('npm', ['pack', '--silent', 'node-red-contrib-aedes@0.6.0'], folder)
    await run('tar', ['xzf', 'node-red-contrib-aedes-0.6.0.tgz'], folder)
    const root = join(folder, 'package')
    const needs = ['node-red@4', 'mocha', 'should', 'ws@7', `aedes@${aedes}`]
    await run('npm', [...INSTALL, '--no-save', ...needs], root)
    // its tests look for Node-RED's nodes where old releases of npm installed them
    mkdirSync(join(root, 'node_modules/node-red/node_modules'), { recursive: true })
    symlinkSync('../../@node-red', join(root, 'node_modules/node-red/node_modules/@node-red'))
    const mocha = ['node_modules/mocha/bin/mocha.js', '--exit', '--timeout', '10000', 'test/*_spec.js']
    const output = await runSlowly(mocha, root)
    assert.match(output, /\b18 passing\b/)
  })
})

/** Runs a program of Node.js on a slower clock, with ports of its own. */
function runSlowly(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const own = { ANAX_TEST_SLOWNESS: String(SLOWNESS), ANAX_TEST_PORTS: PORTS.join() }
  return run(process.execPath, [...LOADED, ...args], cwd, { ...own, ...env })
}

/** Runs a program. @returns its output; rejects if it fails */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const child = endWithUs(
    spawn(command, args, {
      cwd,
      env: { ...ownProcess(), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: PATIENCE_MS,
      killSignal: 'SIGKILL',
    }),
  )
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  assert.equal(status, 0, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`)
  return stdout
}
