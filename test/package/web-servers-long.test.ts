/**
 * MQTT over WebSocket beside the web servers that docs/embed/web-servers.md names and no example covers: each answers a
 * request, and a client exchanges a message. Installs all of them; part of the full run.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { ROOT } from '../support/root.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'
import { TOOLS } from './tool-chains.js'

const PACKAGES = ['koa@3', 'hono@4', '@hono/node-server', 'socket.io@4', 'socket.io-client@4', 'mqtt@5', 'ws@8']

const COMMON = `import { once } from 'node:events'
import { createServer } from 'node:http'
import { createBroker } from 'anax'
import { attachWebSocket, listenWithMqtt } from 'anax/server'
import mqtt from 'mqtt'

const broker = await createBroker()

export async function exchange(url) {
  const client = await mqtt.connectAsync(url)
  const received = once(client, 'message')
  await client.subscribeAsync('a')
  await client.publishAsync('a', 'hello', { qos: 1 })
  console.log(String((await received)[1]))
  await client.endAsync()
}

export async function listening(handler) {
  const web = await listenWithMqtt(broker, handler, { port: 0 })
  console.log(await (await fetch(web.url)).text())
  await exchange(web.mqttUrl)
  await web.close()
}

export async function beside(makeServer, tryUpgrades) {
  const server = createServer()
  const close = await makeServer(server)
  const attached = attachWebSocket(broker, server, { path: '/mqtt' })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = '127.0.0.1:' + server.address().port
  await exchange('ws://' + address + '/mqtt')
  await tryUpgrades(address)
  attached.close()
  await broker.close()
  await close()
  server.close()
}
`

const PROGRAMS = {
  Koa: `import Koa from 'koa'
import { listening } from './common.mjs'
const app = new Koa().use(context => { context.body = 'page' })
await listening(app.callback())`,

  Hono: `import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { listening } from './common.mjs'
const app = new Hono().get('/', context => context.text('page'))
await listening(getRequestListener(app.fetch))`,

  'Socket.IO': `import { Server } from 'socket.io'
import { io } from 'socket.io-client'
import { beside } from './common.mjs'
let sockets
await beside(
  server => {
    sockets = new Server(server)
    sockets.on('connection', socket => socket.on('ask', answer => answer('page')))
    return () => sockets.close()
  },
  async address => {
    const client = io('http://' + address, { transports: ['websocket'] })
    console.log(await client.emitWithAck('ask'))
    client.close()
  },
)`,

  "Vite's development server": `import { once } from 'node:events'
import { createServer } from 'vite'
import { WebSocket } from 'ws'
import { beside } from './common.mjs'
let vite
await beside(
  async server => {
    vite = await createServer({ server: { middlewareMode: true, hmr: { server } }, appType: 'custom' })
    server.on('request', vite.middlewares)
    return () => vite.close()
  },
  async address => {
    const reload = new WebSocket('ws://' + address + '/?token=' + vite.config.webSocketToken, 'vite-hmr')
    const [message] = await once(reload, 'message')
    console.log(JSON.parse(message).type === 'connected' ? 'page' : message)
    reload.close()
  },
)`,
}

describe('MQTT beside', { timeout: 300_000 }, () => {
  let folder: TemporaryFolder

  before(() => {
    folder = temporaryFolder()
    const archive = run(process.execPath, join(ROOT, 'scripts/package/pack.mjs'), folder.path).trim()
    folder.write('package.json', '{ "name": "web-servers", "private": true, "type": "module" }')
    folder.write('common.mjs', COMMON)
    run('npm', 'install', '--no-audit', '--no-fund', archive, `vite@${TOOLS.vite}`, ...PACKAGES)
  })
  after(() => folder.remove())

  for (const [name, program] of Object.entries(PROGRAMS)) {
    it(name, () => {
      folder.write('program.mjs', program)
      assert.deepEqual(run(process.execPath, 'program.mjs').trim().split('\n').toSorted(), ['hello', 'page'])
    })
  }

  function run(program: string, ...args: string[]): string {
    const env = { ...process.env, NODE_OPTIONS: '', NODE_TEST_CONTEXT: undefined }
    return execFileSync(program, args, { cwd: folder.path, encoding: 'utf8', env, timeout: 120_000 })
  }
})
