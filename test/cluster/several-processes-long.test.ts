/**
 * Programs that are started several times on one port, by `node:cluster` and by pm2: each process has its own broker,
 * unless they are nodes of a cluster. Installs pm2, so it belongs to the full run.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { MqttClient } from 'mqtt'
import { dialClient, nextMessage } from '../support/clients/mqtt.js'
import { RunningProcess } from '../support/programs/command.js'
import { freePort } from '../support/programs/free-ports.js'
import { NatsServers, NO_NATS, natsServer } from '../support/programs/nats.js'
import { ROOT } from '../support/root.js'
import { type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'

const PM2 = 'pm2@7.0.4'
const PROCESSES = 2
/** How long the second process may take to listen. */
const PATIENCE_MS = 60_000

const library = (file: string) => pathToFileURL(join(ROOT, 'dist/lib', file)).href

/** Tells each client which process it is connected to. */
const APPLICATION = `
import { createServer } from 'node:net'
import { createBroker } from '${library('index.js')}'
import { natsCluster } from '${library('nats/index.js')}'

const { NODE_APP_INSTANCE, INDEX, PORT, NATS } = process.env
const id = 'process-' + (NODE_APP_INSTANCE ?? INDEX)
const cluster = NATS && natsCluster({ servers: NATS, replicas: 1 })
const broker = await createBroker({ id, ...(cluster && { cluster }) })
broker.on('client', client => client.publish({ topic: 'you/are/at', payload: id }))
createServer(broker.handle).listen(Number(PORT), '127.0.0.1')
`

const PRIMARY = `
import cluster from 'node:cluster'

cluster.setupPrimary({ exec: process.argv[2] })
for (let index = 0; index < ${PROCESSES}; index++) cluster.fork({ INDEX: String(index) })
process.once('SIGTERM', () => process.exit())
`

/** A client of each process. */
async function clientOfEach(port: number): Promise<[MqttClient, MqttClient]> {
  const found = new Map<string, MqttClient>()
  const end = performance.now() + PATIENCE_MS
  while (found.size < PROCESSES) {
    assert.ok(performance.now() < end, `only ${[...found.keys()]} is there`)
    const client = dialClient(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5 })
    const place = await placeOf(client)
    if (place === undefined || found.has(place)) await client.endAsync(true)
    else found.set(place, client)
  }
  const [one, other] = found.values()
  return [one!, other!]
}

/** The process that a client is connected to; undefined where none listens yet. */
async function placeOf(client: MqttClient): Promise<string | undefined> {
  client.on('error', () => {})
  const refused = new Promise<undefined>(resolve => client.once('close', () => resolve(undefined)))
  return await Promise.race([nextMessage(client).then(({ payload }) => String(payload)), refused])
}

/** @returns what a client of one process gets from one of the other, up to its own message */
async function heardAcross(port: number): Promise<string[]> {
  const [one, other] = await clientOfEach(port)
  const heard: string[] = []
  const end = new Promise<void>(resolve => {
    one.on('message', (_, payload) => {
      heard.push(String(payload))
      if (heard.at(-1) === 'own') resolve()
    })
  })
  await one.subscribeAsync('t', { qos: 1 })
  await other.publishAsync('t', 'of the other', { qos: 1 })
  await one.publishAsync('t', 'own', { qos: 1 })
  await end
  await Promise.all([one, other].map(client => client.endAsync(true)))
  return heard
}

describe('several processes on one port', { timeout: 300_000 }, () => {
  let folder: TemporaryFolder
  let application: string
  before(() => {
    folder = temporaryFolder()
    application = folder.write('application.mjs', APPLICATION)
  })
  after(() => folder.remove())

  it('are separate brokers with node:cluster', async () => {
    const port = await freePort()
    const primary = folder.write('primary.mjs', PRIMARY)
    const program = new RunningProcess(process.execPath, [primary, application], { ...process.env, PORT: `${port}` })
    assert.deepEqual(await heardAcross(port), ['own'])
    await program.stop('SIGTERM')
  })

  describe('with pm2', () => {
    let servers: NatsServers | undefined
    before(async () => {
      folder.write('package.json', '{ "private": true }')
      const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', PM2], { cwd: folder.path })
      assert.equal(status, 0, String(stderr))
      if (natsServer !== undefined) servers = await NatsServers.start(1)
    })
    after(async () => {
      pm2({}, 'kill')
      await servers?.stop()
    })

    function pm2(env: Record<string, string>, ...args: string[]): void {
      const { NODE_TEST_CONTEXT: _, ...own } = process.env
      const program = join(folder.path, 'node_modules/pm2/bin/pm2')
      const { status, stderr } = spawnSync(process.execPath, [program, ...args], {
        cwd: folder.path,
        env: { ...own, ...env, PM2_HOME: join(folder.path, 'pm2') },
      })
      assert.equal(status, 0, String(stderr))
    }

    async function heardWith(env: Record<string, string>): Promise<string[]> {
      const port = await freePort()
      pm2({ ...env, PORT: `${port}` }, 'start', application, '-i', `${PROCESSES}`)
      try {
        return await heardAcross(port)
      } finally {
        pm2({}, 'delete', 'all')
      }
    }

    it('are separate brokers', async () => {
      assert.deepEqual(await heardWith({}), ['own'])
    })

    it('act as one broker if they are nodes of a cluster', { skip: natsServer === undefined && NO_NATS }, async () => {
      assert.deepEqual((await heardWith({ NATS: servers!.urls[0]! })).toSorted(), ['of the other', 'own'])
    })
  })
})
