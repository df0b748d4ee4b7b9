/**
 * A full disk: publishers are refused, refused messages are not stored, and everything works again when there is room.
 */
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type Broker, createBroker } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { ReasonCode } from '../../../lib/reason-codes.js'
import type { PublishPacket } from '../../../types/message/packets.js'
import { noSmallDisk, onDiskOf } from '../../persistence/lmdb/folders.js'
import { publishPacket, SpecClient } from '../../support/clients/spec-client.js'
import { keptSession } from '../../support/spec.js'

const DISK_BYTES = 3_000_000
const BALLAST_BYTES = 1_000_000
const PAYLOAD_BYTES = 20_000
/** Unacknowledged messages at a time. */
const WINDOW = 5
const VERSIONS = { 'MQTT 5.0': 5, 'MQTT 3.1.1': 4 } as const

interface Disk {
  broker: Broker
  /** Restarts the broker on the same store. */
  restart(): Promise<Broker>
  makeRoom(): void
}

function onFullDisk(context: TestContext, body: (disk: Disk) => Promise<void>): Promise<void> {
  return onDiskOf(DISK_BYTES, context, async path => {
    const [folder, ballast] = [join(path, 'store'), join(path, 'ballast')]
    mkdirSync(folder)
    writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES))
    const start = () => createBroker({ id: 'broker', persistence: createLmdbPersistence({ path: folder }) })
    const disk = {
      broker: await start(),
      async restart() {
        await disk.broker.close()
        disk.broker = await start()
        return disk.broker
      },
      makeRoom: () => rmSync(ballast),
    }
    try {
      await body(disk)
    } finally {
      await disk.broker.close()
    }
  })
}

/** A message whose payload is its number; the last one of all is retained. */
function numbered(index: number): PublishPacket {
  const payload = Buffer.alloc(PAYLOAD_BYTES)
  payload.writeUInt32BE(index)
  return publishPacket({ topic: 'a', payload, qos: 1, retain: true, messageId: 1 + (index % WINDOW) })
}

const indexOf = ({ payload }: PublishPacket) => (payload as Buffer).readUInt32BE()

/**
 * Publishes a window at a time until a message is refused.
 * @returns the acknowledged messages, and the refusals
 */
async function fill(client: SpecClient): Promise<{ stored: number[]; refused: number[] }> {
  const stored: number[] = []
  const refused: number[] = []
  for (let next = 0; refused.length === 0 && !client.isClosed; next += WINDOW) {
    const indexes = Array.from({ length: WINDOW }, (_, i) => next + i)
    client.send(...indexes.map(numbered))
    for (const index of indexes) {
      const answer = await client.next().catch(() => undefined)
      if (answer === undefined) break
      assert.ok(answer.cmd === 'puback' && answer.messageId === 1 + (index % WINDOW))
      if (answer.reasonCode === ReasonCode.QuotaExceeded) refused.push(index)
      else stored.push(index)
    }
  }
  return { stored, refused }
}

/** Receives and acknowledges a number of messages. */
async function receive(client: SpecClient, count: number): Promise<number[]> {
  const indexes: number[] = []
  for (let i = 0; i < count; i++) {
    const packet = await client.expect('publish')
    indexes.push(indexOf(packet))
    if (packet.qos === 1) client.send({ cmd: 'puback', messageId: packet.messageId! })
  }
  await client.expectNothing()
  return indexes
}

async function leaveSession(broker: Broker): Promise<void> {
  const client = new SpecClient(broker)
  await client.connect({ clientId: 'away', ...keptSession(5) })
  await client.subscribe({ topic: 'a', qos: 1 })
  await client.disconnect()
}

async function comeBack(broker: Broker): Promise<SpecClient> {
  const client = new SpecClient(broker)
  const { sessionPresent } = await client.connect({ clientId: 'away', ...keptSession(5) })
  assert.equal(sessionPresent, true)
  return client
}

describe('a full disk', { skip: noSmallDisk }, () => {
  for (const [name, version] of Object.entries(VERSIONS)) {
    it(`makes the broker refuse messages of an ${name} client without storing any part of them, until there is room`, context =>
      onFullDisk(context, async disk => {
        const refusals: string[] = []
        disk.broker.on('publishRefused', ({ code }) => refusals.push(code))
        await leaveSession(disk.broker)
        const watcher = new SpecClient(disk.broker)
        await watcher.connect({ clientId: 'watcher' })
        await watcher.subscribe({ topic: 'a', qos: 0 })
        const publisher = new SpecClient(disk.broker, version)
        await publisher.connect({ clientId: 'publisher' })

        const { stored, refused } = await fill(publisher)
        assert.ok(stored.length > 10)
        assert.deepEqual(new Set(refusals), new Set(['ANAX_ERR_QUOTA']))
        assert.equal(publisher.isClosed, version < 5)
        assert.equal(refused.length > 0, version === 5)
        assert.deepEqual(await receive(watcher, stored.length), stored)

        disk.makeRoom()
        const another = new SpecClient(disk.broker, version)
        await another.connect({ clientId: 'another' })
        const { topic, payload } = numbered(1_000_000)
        assert.equal(await another.publish({ topic, payload, qos: 1 }), 0)

        const broker = await disk.restart()
        const away = await comeBack(broker)
        assert.deepEqual(await receive(away, stored.length + 1), [...stored, 1_000_000])
        const late = new SpecClient(broker)
        await late.connect({ clientId: 'late' })
        await late.subscribe({ topic: 'a', qos: 0 })
        assert.equal(indexOf(await late.expect('publish')), stored.at(-1))
      }))
  }

  it('makes the broker refuse QoS 2 messages too, with the packet id free again', context =>
    onFullDisk(context, async disk => {
      await leaveSession(disk.broker)
      const publisher = new SpecClient(disk.broker)
      await publisher.connect({ clientId: 'publisher' })
      const { stored } = await fill(publisher)
      // the last refused message left less room
      const payload = Buffer.concat([numbered(2_000_000).payload as Buffer, Buffer.alloc(WINDOW * PAYLOAD_BYTES)])
      const publish = () => publisher.publish({ topic: 'a', payload, qos: 2, messageId: 9 })
      assert.equal(await publish(), ReasonCode.QuotaExceeded)
      disk.makeRoom()
      assert.equal(await publish(), 0)
      const away = await comeBack(disk.broker)
      assert.deepEqual(await receive(away, stored.length + 1), [...stored, 2_000_000])
    }))
})
