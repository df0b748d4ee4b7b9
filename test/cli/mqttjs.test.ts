/** MQTT.js on the running command, over each transport and with each version. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt'
import { connectClient, dialClient, nextMessage, nextMessages } from '../support/clients/mqtt.js'
import { type RunningBroker, startCommand } from '../support/programs/command.js'
import { type Certificate, makeCertificate, type TemporaryFolder, temporaryFolder } from '../support/tls/certificate.js'

const TRANSPORTS = { TCP: 'mqtt', TLS: 'mqtts', WebSocket: 'ws', 'WebSocket and TLS': 'wss' } as const
const VERSIONS = { '3.1.1': 4, '5.0': 5 } as const

describe('MQTT.js', () => {
  let folder: TemporaryFolder
  let certificate: Certificate
  let broker: RunningBroker

  before(async () => {
    folder = temporaryFolder()
    certificate = await makeCertificate()
    const files = [
      '--cert',
      folder.write('cert.pem', certificate.cert),
      '--key',
      folder.write('key.pem', certificate.key),
    ]
    broker = await startCommand(...files, '--tls-port', '0', '--wss-port', '0')
  })
  after(async () => {
    await broker.process.stop()
    folder.remove()
  })

  for (const [transport, scheme] of Object.entries(TRANSPORTS)) {
    for (const [version, protocolVersion] of Object.entries(VERSIONS)) {
      describe(`over ${transport}, MQTT ${version}`, () => {
        const settings = (options?: IClientOptions) => ({ protocolVersion, ca: certificate.cert, ...options })
        wholeRange(`${scheme}/${version}`, protocolVersion, {
          connect: options => connectClient(broker.urls[scheme] ?? '', settings(options)),
          dial: options => dialClient(broker.urls[scheme] ?? '', settings(options)),
        })
      })
    }
  }
})

interface Dialler {
  connect(options?: IClientOptions): Promise<MqttClient>
  dial(options?: IClientOptions): MqttClient
}

function wholeRange(root: string, protocolVersion: 4 | 5, { connect, dial }: Dialler): void {
  for (const qos of [0, 1, 2] as const) {
    it(`publishes and receives with QoS ${qos}, in order`, async () => {
      const client = await connect()
      await client.subscribeAsync(`${root}/qos${qos}/#`, { qos })
      const received = nextMessages(client, 50)
      const numbers = Array.from({ length: 50 }, (_, number) => `${number}`)
      await Promise.all(numbers.map(number => client.publishAsync(`${root}/qos${qos}/x`, number, { qos })))
      const packets = await received
      assert.deepEqual(packets.map(textOf), numbers)
      assert.ok(packets.every(packet => packet.qos === qos))
      await client.endAsync()
    })
  }

  it('carries a large payload unchanged', async () => {
    const client = await connect()
    await client.subscribeAsync(`${root}/large`)
    const received = nextMessage(client)
    const payload = randomBytes(1_000_000)
    await client.publishAsync(`${root}/large`, payload)
    assert.deepEqual((await received).payload, payload)
    await client.endAsync()
  })

  it('gets retained messages', async () => {
    const client = await connect()
    await client.publishAsync(`${root}/retained`, 'kept', { qos: 1, retain: true })
    const received = nextMessage(client)
    await client.subscribeAsync(`${root}/retained`)
    const packet = await received
    assert.deepEqual([textOf(packet), packet.retain], ['kept', true])
    await client.publishAsync(`${root}/retained`, '', { qos: 1, retain: true })
    await client.endAsync()
  })

  it('no longer receives what it has unsubscribed from', async () => {
    const client = await connect()
    await client.subscribeAsync([`${root}/one`, `${root}/two`])
    await client.unsubscribeAsync(`${root}/one`)
    const received = nextMessage(client)
    await client.publishAsync(`${root}/one`, 'not this')
    await client.publishAsync(`${root}/two`, 'but this')
    assert.equal(textOf(await received), 'but this')
    await client.endAsync()
  })

  it('leaves a will when its connection breaks', async () => {
    const watcher = await connect()
    await watcher.subscribeAsync(`${root}/will`)
    const received = nextMessage(watcher)
    const will = { topic: `${root}/will`, payload: Buffer.from('gone'), qos: 1 as const, retain: false }
    const client = await connect({ will })
    client.stream.destroy()
    assert.equal(textOf(await received), 'gone')
    await client.endAsync(true)
    await watcher.endAsync()
  })

  it('resumes its session, with the messages published in the meantime', async () => {
    const session: IClientOptions = {
      clientId: `session-${root}`,
      clean: false,
      ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 60 } }),
    }
    const first = await connect(session)
    await first.subscribeAsync(`${root}/session`, { qos: 2 })
    await first.endAsync()
    const publisher = await connect()
    for (const text of ['a', 'b', 'c']) await publisher.publishAsync(`${root}/session`, text, { qos: 2 })
    await publisher.endAsync()

    // The messages follow CONNACK immediately.
    const second = dial(session)
    const packets = await nextMessages(second, 3)
    assert.deepEqual(packets.map(textOf), ['a', 'b', 'c'])
    await second.endAsync()
  })

  if (protocolVersion === 5) {
    it('carries properties from publisher to subscriber', async () => {
      const client = await connect()
      await client.subscribeAsync(`${root}/properties`, { qos: 1, properties: { subscriptionIdentifier: 7 } })
      const received = nextMessage(client)
      const properties = {
        contentType: 'text/plain',
        responseTopic: `${root}/answer`,
        correlationData: Buffer.from('42'),
        userProperties: { colour: ['red', 'blue'], size: 'small' },
      }
      await client.publishAsync(`${root}/properties`, 'x', { qos: 1, properties })
      const packet = await received
      assert.deepEqual(
        { ...packet.properties },
        {
          ...properties,
          userProperties: Object.assign(Object.create(null), properties.userProperties),
          subscriptionIdentifier: 7,
        },
      )
      await client.endAsync()
    })
  }
}

function textOf({ payload }: IPublishPacket): string {
  return payload.toString()
}
