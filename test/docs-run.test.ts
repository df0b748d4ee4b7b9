/** The snippets about testing, the client and the host are executed, each with a running broker. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ROOT } from './support/root.js'
import { type TemporaryFolder, temporaryFolder } from './support/tls/certificate.js'

const PAGES = [
  ...[
    'test/testing.md',
    'embed/host.md',
    'behaviour/exactly-once.md',
    'behaviour/losses.md',
    'test/mqtt-client.md',
    'embed/topics-and-payloads.md',
    'embed/web-servers.md',
    'run/logging.md',
    'security/rates.md',
  ],
  ...['run/tracing.md', 'run/presence.md', 'embed/errors.md', 'test/migrating-from-aedes.md'],
]

/** Snippets that need something that is not available: a broker at its usual port, other services. */
const NEEDS_OTHERS = /mqtt:\/\/|localhost|port: 3000/

const SETTINGS = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    module: 'nodenext',
    types: ['node'],
    moduleDetection: 'force',
    outDir: 'out',
    skipLibCheck: true,
  },
}

const GLOBALS = `
import type { Broker, Client } from 'anax'
declare global {
  const broker: Broker
  const client: Client
}
`

/** A snippet that runs as long as there are messages. */
const ENDLESS = /^for await/m

/** Imports one snippet after the other, each with its own broker. Those after `--endless` are only started. */
const RUNNER = `
import { createBroker } from 'anax'
process.on('unhandledRejection', error => console.log('unhandled', error))
const files = process.argv.slice(2)
const endless = files.splice(files.indexOf('--endless')).slice(1)
for (const file of files) {
  await provideBroker()
  await import('./out/' + file + '.js').catch(error => console.log(file, error))
}
for (const file of endless) {
  await provideBroker()
  import('./out/' + file + '.js').catch(error => console.log(file, error))
}
await new Promise(resolve => setTimeout(resolve, 200))
process.exit(0)

async function provideBroker() {
  const broker = (globalThis.broker = await createBroker())
  const client = await broker.client()
  globalThis.client = broker.clients[client.clientId]
}
`

describe('snippets about tests, clients and the host', () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    mkdirSync(join(folder.path, 'node_modules'))
    const packages = readdirSync(join(ROOT, 'node_modules')).filter(name => !name.startsWith('.'))
    for (const name of packages) symlinkSync(join(ROOT, 'node_modules', name), join(folder.path, 'node_modules', name))
    symlinkSync(ROOT, join(folder.path, 'node_modules/anax'))
    folder.write('package.json', '{ "type": "module" }')
    folder.write('tsconfig.json', JSON.stringify(SETTINGS))
    folder.write('globals.ts', GLOBALS)
    folder.write('runner.js', RUNNER)
  })
  after(() => folder.remove())

  it('run', () => {
    const snippets = PAGES.flatMap(snippetsOf).filter(({ code }) => !NEEDS_OTHERS.test(code))
    assert.ok(snippets.length > 10)
    for (const { name, code } of snippets) folder.write(`${name}.ts`, code)
    assert.equal(run(join(ROOT, 'node_modules/typescript/bin/tsc')), '')
    const endless = snippets.filter(({ code }) => ENDLESS.test(code))
    const ending = snippets.filter(({ code }) => !ENDLESS.test(code))
    const said = run('runner.js', ...namesOf(ending), '--endless', ...namesOf(endless))
    assert.doesNotMatch(said, /Error|unhandled|not ok/)
  })

  function run(...args: string[]): string {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    const { stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', ...args], {
      cwd: folder.path,
      encoding: 'utf8',
      env,
    })
    return stdout + stderr
  }
})

function namesOf(snippets: readonly { name: string }[]): string[] {
  return snippets.map(({ name }) => name)
}

function snippetsOf(page: string): { name: string; code: string }[] {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], index) => ({
    name: `${page.replace('.md', '').replace('/', '-')}-${index}`,
    // another broker may use the default port
    code: code.replace('.listen(1883)', '.listen(0)'),
  }))
}
