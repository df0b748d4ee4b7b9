/**
 * A process that measures how many bytes the broker allocates for each QoS 0 message from one client to another, and
 * prints the number. Wants `--expose-gc`, and a young generation that the measured messages fit into.
 */
import { Duplex } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { encode } from '../../../lib/codec/index.js'
import { createBroker } from '../../../lib/index.js'

/** As many messages are in one chunk. */
const MESSAGES_PER_CHUNK = 50
const WARM_UP_CHUNKS = 2000
const MEASURED_CHUNKS = 100

/** The least counts: in the others the compiler may have worked. */
const ROUNDS = 5

const TOPIC = 'a/b/c'

declare const gc: () => void

async function main(): Promise<void> {
  await using broker = await createBroker()
  let written = 0
  const attach = () => {
    const stream = new Duplex({
      read() {},
      write(chunk: Buffer, _encoding, done) {
        written += chunk.length
        done()
      },
    })
    broker.handle(stream)
    return stream
  }
  const subscriber = attach()
  const publisher = attach()
  const send = async (stream: Duplex, chunk: Buffer) => {
    stream.push(chunk)
    await nextTurn()
    await nextTurn()
  }
  const connect = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 0 } as const
  await send(subscriber, encode({ ...connect, clientId: 'subscriber' }, 4))
  await send(subscriber, encode({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: TOPIC, qos: 0 }] }, 4))
  await send(publisher, encode({ ...connect, clientId: 'publisher' }, 4))
  const message = {
    cmd: 'publish',
    topic: TOPIC,
    payload: Buffer.alloc(64),
    qos: 0,
    retain: false,
    dup: false,
  } as const
  const packet = encode(message, 4)
  const chunk = Buffer.concat(Array.from({ length: MESSAGES_PER_CHUNK }, () => packet))
  for (let i = 0; i < WARM_UP_CHUNKS; i++) await send(publisher, chunk)
  const messages = MEASURED_CHUNKS * MESSAGES_PER_CHUNK
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    gc()
    written = 0
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < MEASURED_CHUNKS; i++) await send(publisher, chunk)
    least = Math.min(least, process.memoryUsage().heapUsed - before)
    if (written !== messages * packet.length) throw new Error(`${written} bytes were delivered`)
  }
  process.stdout.write(`${Math.round(least / messages)}\n`)
}

main()
