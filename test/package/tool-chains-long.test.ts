/** The packed package in the tool chains of its users: installs each of them, and runs what its row says. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ROOT } from '../support/root.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'
import { exchangeFiles } from './exchange.js'
import { TOOLS, toolChains } from './tool-chains.js'

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const specifiers = Object.keys(manifest.exports)
  .filter(entry => entry !== './package.json')
  .map(entry => entry.replace('.', manifest.name))
const optional = Object.keys({ ...manifest.optionalDependencies, ...manifest.peerDependencies })

const isWindows = process.platform === 'win32' && 'programs are installed for Linux and macOS only'

describe('the packed package', { skip: isWindows, timeout: 600_000 }, () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    const archive = run(process.execPath, [join(ROOT, 'scripts/package/pack.mjs'), folder.path]).trim()
    folder.write('package.json', JSON.stringify({ name: 'consumer', private: true }))
    const tools = Object.entries(TOOLS).map(([name, version]) => `${name}@${version}`)
    const peers = Object.entries(manifest.peerDependencies ?? {}).map(([name, range]) => `${name}@${range}`)
    run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', archive, ...tools, ...peers])
    for (const [file, text] of Object.entries(exchangeFiles(specifiers))) {
      mkdirSync(dirname(join(folder.path, file)), { recursive: true })
      folder.write(file, text)
    }
  })
  after(() => folder.remove())

  for (const { tool, version, what, commands } of toolChains(optional)) {
    it(`${tool} ${version}: ${what}`, () => {
      for (const [program, ...args] of commands) run(program === 'node' ? process.execPath : program, args)
    })
  }

  /** Runs a program in the consumer's folder; the error has its output. */
  function run(program: string, args: readonly string[]): string {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined, CI: 'true' }
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: folder.path, env, encoding: 'utf8' })
    assert.equal(status, 0, `${program} ${args.join(' ')}\n${stdout}\n${stderr}`)
    return stdout
  }
})
