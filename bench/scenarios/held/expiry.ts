/** A million queued messages that expire at the same moment: how long others wait while the broker removes them. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../../load/clients/client.js'
import { Feeder } from '../../load/clients/feeder.js'
import { publishPacket } from '../../load/clients/packets.js'
import { Receiver } from '../../load/clients/receiver.js'
import { cpuMicros } from '../../measure.js'
import { type LoadContext, plainSetup, type Sample, type Scenario, scenario } from '../../types.js'
import { scaled } from './held.js'

const SESSIONS = 10
const TOPIC = 'bench/expiry/0'
const PAYLOAD_BYTES = 64
/** Expiry in seconds of messages that should remain. */
const LONG = 3600
/** The property Message Expiry Interval; its value is directly before the payload. */
const MESSAGE_EXPIRY = Buffer.from([0x02, 0, 0, 0, 0])
/** Filling may take longer than its beginning suggests, by this factor. */
const RESERVE = 1.3
const SLICE_MS = 200
/** Expiry is in whole seconds, so that a moment is one second. */
const ROUNDING_MS = 500

const sleeper = (index: number) => ({ clientId: `sleeper-${index}`, version: 5, session: 'stored' }) as const

async function leaveSessions(context: LoadContext): Promise<void> {
  for (let i = 0; i < SESSIONS; i++) {
    const client = await Client.open(context, sleeper(i))
    await client.subscribe([TOPIC.replace('0', `${i}`)], 1)
    client.destroy()
  }
  await sleep(SLICE_MS)
}

/** Publishes to the sessions in turns, with the expiry that is set at the time. */
async function openFeeder(context: LoadContext, secondsLeft: () => number): Promise<Feeder> {
  const client = await Client.open(context, { clientId: 'feeder', version: 5, session: 'clean' })
  return new Feeder(client, {
    topic: TOPIC,
    retain: 'live',
    properties: MESSAGE_EXPIRY,
    payloadBytes: PAYLOAD_BYTES,
    fill(bytes, topicAt, payloadAt, index) {
      bytes[topicAt + TOPIC.length - 1] = 48 + (index % SESSIONS)
      bytes.writeUInt32BE(secondsLeft(), payloadAt - 4)
    },
  })
}

/** A client that gets its own messages, one a millisecond, and records the longest latency in milliseconds. */
class Bystander {
  longest = 0
  readonly #client: Client
  readonly #sent: number[] = []
  readonly #timer: NodeJS.Timeout

  private constructor(client: Client) {
    this.#client = client
    const options = { topic: 'live', qos: 0, retain: 'live', version: 5, packetId: 0 } as const
    const frame = publishPacket({ ...options, properties: Buffer.alloc(0), payload: Buffer.alloc(PAYLOAD_BYTES) })
    client.sink = {
      packet: () => {
        this.longest = Math.max(this.longest, performance.now() - this.#sent.shift()!)
      },
      chunkEnd() {},
    }
    this.#timer = setInterval(() => {
      this.#sent.push(performance.now())
      client.write(frame)
    }, 1)
  }

  static async open(context: LoadContext): Promise<Bystander> {
    const client = await Client.open(context, { clientId: 'bystander', version: 5, session: 'clean' })
    await client.subscribe(['live'], 0)
    return new Bystander(client)
  }

  close(): void {
    clearInterval(this.#timer)
    this.#client.destroy()
  }
}

/** CPU time that the broker takes in a slice of time, in microseconds. */
async function slice({ pid }: LoadContext): Promise<number> {
  const start = cpuMicros(pid)
  await sleep(SLICE_MS)
  return cpuMicros(pid) - start
}

/** Waits until the broker works no more than before the messages expired. */
async function whileExpiring(context: LoadContext, expireAt: number): Promise<{ cpu: number; seconds: number }> {
  const idle = await slice(context)
  await sleep(Math.max(0, expireAt - ROUNDING_MS - Date.now()))
  let cpu = 0
  let busy = 0
  for (let used = 0; used > 2 * idle || Date.now() < expireAt + 2 * ROUNDING_MS; ) {
    used = await slice(context)
    if (used < 2 * idle) continue
    busy++
    cpu += used - idle
  }
  return { cpu, seconds: (busy * SLICE_MS) / 1000 }
}

async function countLeft(context: LoadContext): Promise<number> {
  const receivers: Receiver[] = []
  for (let i = 0; i < SESSIONS; i++) {
    await Client.open(context, sleeper(i), client => {
      receivers.push(new Receiver(client, 'any'))
    })
  }
  await Promise.all(receivers.map(receiver => receiver.until(Number.POSITIVE_INFINITY)))
  return receivers.reduce((sum, { received }) => sum + received, 0)
}

async function run(context: LoadContext): Promise<Sample> {
  const count = scaled(context, 1_000_000)
  const staying = count / 20
  await leaveSessions(context)
  let endsAt = Date.now() + LONG * 1000
  const feeder = await openFeeder(context, () => Math.max(1, Math.round((endsAt - Date.now()) / 1000)))
  const start = Date.now()
  await feeder.feed(0, staying)
  endsAt = Date.now() + (Date.now() - start) * (count / staying) * RESERVE + 1000
  await feeder.feed(staying, staying + count)
  const bystander = await Bystander.open(context)
  const { cpu, seconds } = await whileExpiring(context, endsAt)
  bystander.close()
  const left = await countLeft(context)
  return {
    stall: bystander.longest,
    cpu: cpu / count,
    rate: count / Math.max(seconds, SLICE_MS / 1000),
    lost: Math.max(0, staying - left),
    doubled: Math.max(0, left - staying),
  }
}

export const expiryScenarios: Scenario[] = [
  scenario({
    name: 'expiry',
    title: '1,000,000 queued messages expire at the same moment, while another client gets one message a millisecond',
    section: 'held',
    unit: 'message expired',
    headline: 'stall',
    brokers: ['anax', 'anax-lmdb-commit', 'anax-lmdb-sync'],
    setup: { ...plainSetup, queue: 'unbounded' },
    maxRepetitions: 1,
    timeLimit: 300,
    run,
  }),
]
