/**
 * The package in its usual surroundings: the example of docs/test/testing.md in four test runners, NestJS, and the
 * README under Bun and Deno. Installs all of them; part of the full run.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { connectClient, nextMessage } from '../support/clients/mqtt.js'
import { ROOT } from '../support/root.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'
import { TOOLS } from './tool-chains.js'

const RUNNERS = [
  ...[`vitest@${TOOLS.vitest}`, `jest@${TOOLS.jest}`, 'jest-environment-jsdom@30', '@jest/globals@30'],
  ...['@playwright/test@1', 'mqtt@5'],
]

/** A client publishes to itself. The runner's functions are in scope, and everything is imported before. */
const EXCHANGE = `
async function exchange() {
  const broker = await createBroker()
  const server = createServer(broker.handle)
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const client = await mqtt.connectAsync('mqtt://127.0.0.1:' + server.address().port)
  const received = new Promise(resolve => client.once('message', (topic, payload) => resolve(String(payload))))
  await client.subscribeAsync('a', { qos: 1 })
  await client.publishAsync('a', 'x', { qos: 1 })
  const payload = await received
  await client.endAsync()
  server.close()
  await broker.close()
  return payload
}
`
const NESTJS = ['common', 'core', 'platform-express', 'microservices'].map(name => `@nestjs/${name}@11`)
const RUNTIMES = [`bun@${TOOLS.bun}`, `deno@${TOOLS.deno}`]

const isWindows = process.platform === 'win32' && 'programs are installed for Linux and macOS only'

/** Additions to a snippet, so that it runs alone: free ports, own folders, an end. */
const ENDING = '\nsetTimeout(() => { console.log("it runs"); process.exit(0) }, 200)\n'

describe('the package works together with', { skip: isWindows, timeout: 600_000 }, () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    const archive = run(process.execPath, [join(ROOT, 'scripts/package/pack.mjs'), folder.path]).trim()
    folder.write('package.json', '{ "name": "neighbours", "private": true, "type": "module" }')
    const others = [...RUNNERS, ...NESTJS, 'rxjs@7', 'reflect-metadata', ...RUNTIMES]
    run('npm', ['install', '--no-audit', '--no-fund', archive, ...others])
    cpSync(join(ROOT, 'examples/thermostat/runners'), join(folder.path, 'runners'), { recursive: true })
    cpSync(join(ROOT, 'dist/examples/thermostat/thermostat.js'), join(folder.path, 'thermostat.js'))
  })
  after(() => folder.remove())

  it('Vitest', () => {
    assert.match(program('vitest', ['run', 'runners/vitest.test.mjs']), /Tests +6 passed/)
  })

  it('Jest with ESM', () => {
    folder.write('jest.config.mjs', 'export default { testMatch: ["**/runners/jest.test.*"], transform: {} }')
    assert.match(program('jest', ['runners/jest.test.mjs'], { NODE_OPTIONS: '--experimental-vm-modules' }), /6 passed/)
  })

  it('Jest with CommonJS', () => {
    const source = join(ROOT, 'examples/thermostat/thermostat.ts')
    const options = ['--module', 'commonjs', '--target', 'es2022', '--types', 'node', '--skipLibCheck']
    compile([...options, '--ignoreConfig', '--outDir', join(folder.path, 'cjs'), source], ROOT)
    renameSync(join(folder.path, 'cjs/thermostat.js'), join(folder.path, 'thermostat.cjs'))
    assert.match(program('jest', ['runners/jest.test.cjs']), /6 passed/)
  })

  it('Vitest with its fake timers', () => {
    folder.write(
      'fake-timers.test.mjs',
      `import { createServer } from 'node:net'
import { createBroker } from 'anax'
import mqtt from 'mqtt'
import { afterEach, expect, test, vi } from 'vitest'
${EXCHANGE}
afterEach(() => void vi.useRealTimers())
test('exchange', async () => {
  vi.useFakeTimers()
  expect(await exchange()).toBe('x')
})`,
    )
    assert.match(program('vitest', ['run', 'fake-timers.test.mjs']), /Tests +1 passed/)
  })

  it('Jest with its fake timers', () => {
    folder.write(
      'fake-timers.test.cjs',
      `const { createServer } = require('node:net')
const { createBroker } = require('anax')
const mqtt = require('mqtt')
${EXCHANGE}
afterEach(() => jest.useRealTimers())
test('exchange', async () => {
  jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] })
  expect(await exchange()).toBe('x')
})`,
    )
    assert.match(program('jest', ['--testMatch=**/fake-timers.test.cjs']), /1 passed/)
  })

  it('Jest in its environment for web pages', () => {
    folder.write(
      'jsdom.test.cjs',
      `/** @jest-environment jsdom */
const { createServer } = require('node:net')
const { createBroker } = require('anax')
const { connect, openStream } = require('anax/client')
test('exchange', async () => {
  const broker = await createBroker()
  const server = createServer(broker.handle)
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const client = await connect(await openStream('mqtt://127.0.0.1:' + server.address().port))
  const received = new Promise(resolve => client.subscribe('a', {}, resolve))
  await client.publish('a', 'x')
  expect(String((await received).payload)).toBe('x')
  await client.disconnect()
  server.close()
  await broker.close()
})`,
    )
    assert.match(program('jest', ['--testMatch=**/jsdom.test.cjs']), /1 passed/)
  })

  it('fixtures of Playwright', () => {
    assert.match(program('playwright', ['test', 'playwright.spec']), /6 passed/)
  })

  describe('NestJS', () => {
    before(() => {
      cpSync(join(ROOT, 'examples/nestjs'), join(folder.path, 'nestjs'), { recursive: true })
      mkdirSync(join(folder.path, 'node_modules/@types'), { recursive: true })
      for (const name of ['@types/node', 'undici-types']) {
        const target = join(folder.path, 'node_modules', name)
        if (!existsSync(target)) symlinkSync(join(ROOT, 'node_modules', name), target)
      }
      compile(['--project', 'nestjs'])
    })

    it('has a transport that is tested with the kit', () => {
      run(process.execPath, ['--test', 'nestjs/dist/sums-test.js'])
    })

    it('has the broker as a provider, and ends with it', async () => {
      const env = { ...process.env, PORT: '0' }
      const app = spawn(process.execPath, ['nestjs/dist/main.js'], { cwd: folder.path, env })
      const [said] = await once(app.stdout, 'data')
      const [http, ws] = String(said).match(/\w+:\/\/[^\s]+/g) ?? []
      const client = await connectClient(ws!)
      const received = nextMessage(client)
      await client.subscribeAsync('news/#')
      assert.equal((await fetch(`${http}/news`, { method: 'POST' })).status, 204)
      assert.equal((await received).payload.toString(), 'sunny')
      const closed = new Promise<void>(resolve => client.once('close', () => resolve()))
      const exited = once(app, 'exit')
      app.kill('SIGTERM')
      await Promise.all([closed, exited])
      await client.endAsync(true)
    })
  })

  for (const [runtime, file, args] of [
    ['Bun', 'bun/bin/bun', ['run']],
    ['Deno', 'deno/deno', ['run', '--allow-all']],
  ] as const) {
    describe(runtime, () => {
      const start = (script: string) => run(join('node_modules', file), [...args, script])

      it('runs a broker and a client in one process', () => {
        cpSync(join(ROOT, 'dist/examples/in-process.js'), join(folder.path, 'in-process.js'))
        assert.equal(start('in-process.js'), 'Received hello on greetings\nDone\n')
      })

      it('runs the examples of the README', () => {
        folder.write('users.txt', '')
        for (const [index, code] of readmeSnippets().entries()) {
          const script = `readme-${index}.ts`
          folder.write(script, code + ENDING)
          assert.match(start(script), /it runs\n$/, code)
        }
      })
    })
  }

  /** Runs a program in the folder; the error has its output. */
  function run(command: string, args: readonly string[], cwd?: string, env: NodeJS.ProcessEnv = {}): string {
    return execFileSync(command, args, {
      cwd: cwd ?? folder.path,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...withoutTestRunner(), ...env },
    })
  }

  /** Runs a program that npm installed; returns both of its outputs. */
  function program(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
    return run('sh', ['-c', `exec "$0" "$@" 2>&1`, join('node_modules/.bin', name), ...args], folder.path, env)
  }

  function compile(args: readonly string[], cwd?: string): void {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
    run(process.execPath, [compiler, ...args], cwd)
  }
})

/** A test runner within a test runner would report to it. */
function withoutTestRunner(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, FORCE_COLOR: ___, ...env } = process.env
  return { ...env, NO_COLOR: '1' }
}

/** The README's snippets, on free ports. */
function readmeSnippets(): string[] {
  const page = readFileSync(join(ROOT, 'README.md'), 'utf8')
  const snippets = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
  return snippets.map(code => code.replace(/\.listen\(\d+/g, '.listen(0'))
}
