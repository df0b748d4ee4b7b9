/**
 * Mosquitto's bridges with their defaults, in both directions: they publish their state below `$SYS/`, and their
 * messages are not sent back to them.
 */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { MqttClient } from 'mqtt'
import { createBroker } from '../../../lib/index.js'
import { createServer } from '../../../lib/server/server.js'
import { connectClient } from '../../support/clients/mqtt.js'
import { startCommand } from '../../support/programs/command.js'
import { startMosquitto, withoutMosquittoBroker } from '../../support/programs/mosquitto-broker.js'
import { temporaryFolder } from '../../support/tls/certificate.js'

/** A broker that a bridge connects to. */
interface Far {
  url: string
  stop(): Promise<void>
  /** Why the bridge was disconnected, if known. */
  faults: unknown[]
}

async function libraryBroker(): Promise<Far> {
  const broker = await createBroker()
  const faults: unknown[] = []
  broker.on('clientError', (_client, error) => faults.push(error))
  const server = await createServer(broker, { transport: 'tcp', port: 0 })
  return {
    url: server.addresses[0]!.url,
    faults,
    async stop() {
      await server.close()
      await broker.close()
    },
  }
}

async function commandBroker(): Promise<Far> {
  const { process, urls } = await startCommand()
  const stop = async () => {
    await process.stop()
  }
  return { url: urls.mqtt!, faults: [], stop }
}

/** Records what a client receives. */
class Listener {
  readonly texts: string[] = []
  readonly client: MqttClient

  constructor(client: MqttClient) {
    this.client = client
    client.on('message', (topic, payload) => this.texts.push(`${topic} ${payload}`))
  }

  async has(text: string): Promise<void> {
    for (let waited = 0; !this.texts.includes(text); waited += 20) {
      assert.ok(waited < 20_000, `${text} is not among ${this.texts}`)
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }
}

async function bridged(protocol: 'mqttv311' | 'mqttv50', start: () => Promise<Far>): Promise<void> {
  const far = await start()
  const folder = temporaryFolder()
  const write = (name: string, content: string) => {
    const path = join(folder.path, name)
    writeFileSync(path, content)
    return path
  }
  const { host: address } = new URL(far.url)
  const near = (await startMosquitto(folder.path, write, [
    'connection bridge',
    `address ${address}`,
    `bridge_protocol_version ${protocol}`,
    'topic # both 2',
    'restart_timeout 1',
  ]))!
  try {
    await exchange(near.url, far.url)
    assert.deepEqual(far.faults, [])
  } finally {
    await near.stop()
    await far.stop()
    folder.remove()
  }
}

async function exchange(nearUrl: string, farUrl: string): Promise<void> {
  const near = new Listener(await connectClient(nearUrl))
  const far = new Listener(await connectClient(farUrl))
  await near.client.subscribeAsync('t/#', { qos: 1 })
  await far.client.subscribeAsync('t/#', { qos: 1 })
  // until the bridge is connected
  const knocking = setInterval(() => far.client.publish('t/knock', 'far', { qos: 1 }), 50)
  await near.has('t/knock far')
  clearInterval(knocking)
  for (const qos of [0, 1, 2] as const) {
    await near.client.publishAsync(`t/${qos}`, 'near', { qos, retain: true })
    await far.client.publishAsync(`t/${qos}`, 'far', { qos })
    await far.has(`t/${qos} near`)
    await near.has(`t/${qos} far`)
  }
  // after everything that could be sent back
  await near.client.publishAsync('t/end', 'near', { qos: 2 })
  await far.has('t/end near')
  await far.client.publishAsync('t/end', 'far', { qos: 2 })
  await near.has('t/end far')
  for (const { texts } of [near, far]) {
    const others = texts.filter(text => !text.startsWith('t/knock'))
    assert.deepEqual(others.toSorted(), [...new Set(others)].toSorted(), 'each came once')
  }
  const late = new Listener(await connectClient(farUrl))
  await late.client.subscribeAsync('$SYS/broker/connection/+/state')
  await late.has(`$SYS/broker/connection/${hostname()}.bridge/state 1`)
  late.client.on('message', (_topic, _payload, { retain }) => assert.equal(retain, true))
  await late.client.subscribeAsync('t/1')
  await late.has('t/1 near')
  for (const { client } of [near, far, late]) await client.endAsync()
}

describe('a Mosquitto bridge', { skip: withoutMosquittoBroker }, () => {
  for (const protocol of ['mqttv311', 'mqttv50'] as const) {
    it(`connects with ${protocol} to a broker without hooks`, () => bridged(protocol, libraryBroker))
    it(`connects with ${protocol} to the command`, () => bridged(protocol, commandBroker))
  }
})
