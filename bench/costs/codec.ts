/**
 * The codec against mqtt-packet: parsing and writing a small PUBLISH, in turns, medians.
 * Run with `node dist/bench/costs/codec.js`.
 */
import mqttPacket, { type Packet } from 'mqtt-packet'
import { Decoder, encode, type ProtocolVersion, type PublishPacket, publishFrame } from '../../lib/codec/index.js'

const ROUNDS = 15
const PACKETS_PER_ROUND = 100_000
/** The result of one read from a socket: several packets in one chunk. */
const PACKETS_PER_CHUNK = 200

interface Subject {
  name: string
  version: ProtocolVersion
  packet: PublishPacket
}

const payload = Buffer.alloc(64, 'x')
const topic = 'sensors/room-12/temperature'

const SUBJECTS: Subject[] = [
  {
    name: '3.1.1, QoS 0',
    version: 4,
    packet: { cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false },
  },
  {
    name: '5.0, QoS 1, 3 properties',
    version: 5,
    packet: {
      cmd: 'publish',
      topic,
      payload,
      qos: 1,
      dup: false,
      retain: false,
      messageId: 77,
      properties: { messageExpiryInterval: 3600, contentType: 'text/plain', userProperties: { unit: 'celsius' } },
    },
  },
]

/** Keeps the optimiser from dropping the work. */
let sink = 0

function main(): void {
  console.log('ns per packet, median of', ROUNDS, 'rounds of', PACKETS_PER_ROUND, 'packets\n')
  console.log(row(['', 'anax', 'mqtt-packet', 'ratio']))
  for (const subject of SUBJECTS) {
    report(`parse ${subject.name}`, parseOurs(subject), parseTheirs(subject))
    report(`parse ${subject.name}, changing topics`, parseOurs(subject, varied), parseTheirs(subject, varied))
    report(`encode ${subject.name}`, encodeOurs(subject), encodeTheirs(subject))
    report(`frame ${subject.name}`, frameOurs(subject), encodeTheirs(subject))
  }
  if (sink === 0) throw new Error('nothing was measured')
}

/** Runs the two in turns, so that other work on the machine affects both. */
function report(name: string, ours: () => void, theirs: () => void): void {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    times[0].push(time(ours))
    times[1].push(time(theirs))
  }
  const [anax, other] = [median(times[0]), median(times[1])]
  console.log(row([name, anax.toFixed(0), other.toFixed(0), (other / anax).toFixed(1)]))
}

function time(run: () => void): number {
  const start = process.hrtime.bigint()
  run()
  return Number(process.hrtime.bigint() - start) / PACKETS_PER_ROUND
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!
}

function row([name, ...numbers]: string[]): string {
  return name!.padEnd(48) + numbers.map(number => number.padStart(14)).join('')
}

const same = (packet: PublishPacket): PublishPacket => packet
const varied = (packet: PublishPacket, i: number): PublishPacket => ({ ...packet, topic: `${topic}/${i % 10}` })

function chunkOf({ packet, version }: Subject, variant: typeof varied): Buffer {
  const packets = Array.from({ length: PACKETS_PER_CHUNK }, (_, i) => encode(variant(packet, i), version))
  return Buffer.concat(packets)
}

function parseOurs(subject: Subject, variant = same as typeof varied): () => void {
  const chunk = chunkOf(subject, variant)
  const decoder = new Decoder({ side: 'broker', protocolVersion: subject.version })
  return () => {
    for (let n = 0; n < PACKETS_PER_ROUND; n += PACKETS_PER_CHUNK) {
      decoder.push(chunk)
      for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) sink++
    }
  }
}

function parseTheirs(subject: Subject, variant = same as typeof varied): () => void {
  const chunk = chunkOf(subject, variant)
  const parser = mqttPacket.parser({ protocolVersion: subject.version })
  parser.on('packet', () => {
    sink++
  })
  return () => {
    for (let n = 0; n < PACKETS_PER_ROUND; n += PACKETS_PER_CHUNK) parser.parse(chunk)
  }
}

function encodeOurs({ packet, version }: Subject): () => void {
  return () => {
    for (let n = 0; n < PACKETS_PER_ROUND; n++) sink += encode(packet, version).length
  }
}

function encodeTheirs({ packet, version }: Subject): () => void {
  const theirs = packet as Packet
  return () => {
    for (let n = 0; n < PACKETS_PER_ROUND; n++) sink += mqttPacket.generate(theirs, { protocolVersion: version }).length
  }
}

function frameOurs({ packet, version }: Subject): () => void {
  const message = { topic: packet.topic, payload, properties: packet.properties }
  const options = { qos: packet.qos, retain: false, dup: false, messageExpiryInterval: packet.properties && 3600 }
  return () => {
    for (let n = 0; n < PACKETS_PER_ROUND; n++) sink += publishFrame(message, version, options).length
  }
}

main()
