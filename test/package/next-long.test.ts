/** The custom server for Next.js, exactly as in docs/embed/web-servers.md. Installs Next.js; part of the full run. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { connectClient, nextMessage } from '../support/clients/mqtt.js'
import { RunningProcess } from '../support/programs/command.js'
import { ROOT } from '../support/root.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'

const PACKAGES = ['next@16', 'react@19', 'react-dom@19']
const isWindows = process.platform === 'win32' && 'programs are installed for Linux and macOS only'

const FILES = {
  'package.json': '{ "name": "web", "private": true, "type": "module" }',
  'app/layout.js': 'export default ({ children }) => <html><body>{children}</body></html>',
  'app/page.js': 'export default () => <p>hello</p>',
  'app/news/route.js': `export async function POST() {
    await globalThis.broker.publish({ topic: 'news', payload: 'sunny', qos: 1 })
    return new Response(null, { status: 204 })
  }`,
}

/** The snippet, on a free port that it prints, with the addition from the text below it. */
function server(): string {
  const page = readFileSync(join(ROOT, 'docs/embed/web-servers.md'), 'utf8')
  const section = page.slice(page.indexOf('\n## Next.js\n'))
  const [, snippet = ''] = /^```js\n(.*?)^```$/ms.exec(section) ?? []
  const listening = "server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port))"
  return `${snippet.replace('server.listen(3000)', listening)}globalThis.broker = broker\n`
}

describe('Next.js', { skip: isWindows, timeout: 600_000 }, () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    mkdirSync(join(folder.path, 'app/news'), { recursive: true })
    for (const [name, text] of Object.entries({ ...FILES, 'server.js': server() })) folder.write(name, text)
    const options = { cwd: folder.path, encoding: 'utf8' } as const
    const archive = execFileSync(
      process.execPath,
      [join(ROOT, 'scripts/package/pack.mjs'), folder.path],
      options,
    ).trim()
    execFileSync('npm', ['install', '--no-audit', '--no-fund', archive, ...PACKAGES], options)
  })
  after(() => folder.remove())

  it('serves pages, MQTT and its own upgrades on one port, publishes from a route, and stops', async () => {
    const env = { ...process.env, NODE_ENV: 'development', NEXT_TELEMETRY_DISABLED: '1' }
    const command = 'cd "$0" && exec "$1" server.js'
    const app = new RunningProcess('sh', ['-c', command, folder.path, process.execPath], env)
    const [, port] = await app.says(/^port (\d+)$/m)
    const client = await connectClient(`ws://127.0.0.1:${port}/mqtt`)
    const received = nextMessage(client)
    await client.subscribeAsync('news')
    assert.match(await (await fetch(`http://127.0.0.1:${port}`)).text(), /hello/)
    assert.equal((await fetch(`http://127.0.0.1:${port}/news`, { method: 'POST' })).status, 204)
    assert.equal((await received).payload.toString(), 'sunny')
    const hotReload = new WebSocket(`ws://127.0.0.1:${port}/_next/hmr`)
    await once(hotReload, 'open')
    const closed = new Promise<void>(resolve => client.once('close', () => resolve()))
    app.child.kill('SIGTERM')
    assert.equal((await app.finished()).code, 0)
    await closed
    await client.endAsync(true)
    hotReload.terminate()
  })
})
