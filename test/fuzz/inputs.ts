/**
 * The input of a fuzzed client: random bytes, conversations with mistakes, valid packets in any order. The same for the
 * same seed. Must not know a broker.
 */
import fc from 'fast-check'
import { encode } from '../../lib/codec/encode/encoder.js'
import type { Packet, ProtocolVersion } from '../../types/message/packets.js'
import { packets } from '../codec/arbitraries.js'
import { GOLDEN } from '../codec/golden/golden.js'
import type { Random } from '../crash/random.js'
import { connectPacket } from '../support/clients/spec-client.js'
import { textPacket } from '../support/clients/traffic.js'
import { keptSession } from '../support/spec.js'

const VERSIONS: readonly ProtocolVersion[] = [3, 4, 5]

/** Few, so that clients take over and resume each other's sessions. */
const CLIENT_IDS = 8

const KINDS = ['bytes', 'mutation', 'grammar'] as const
export type Kind = (typeof KINDS)[number]

/** The bytes that one client sends. */
export interface Input {
  kind: Kind
  bytes: Buffer
}

/** Packets that are generated at once, because generating them one by one would take most of the time. */
const POOL = 300

export class Inputs {
  readonly #random: Random
  readonly #conversations = VERSIONS.flatMap(version => [life(version), ...golden(version)])
  #pools = new Map<ProtocolVersion, Packet[]>()

  constructor(random: Random) {
    this.#random = random
    this.refill()
  }

  /** Generates new packets. */
  refill(): void {
    this.#pools = new Map(
      VERSIONS.map(version => {
        const seed = this.#random.between(0, 0x7fff_ffff)
        return [version, fc.sample(packets(version, 'broker'), { seed, numRuns: POOL })]
      }),
    )
  }

  next(): Input {
    const kind = this.#pick(KINDS)
    return {
      kind,
      bytes: { bytes: () => this.#bytes(), mutation: () => this.#mutation(), grammar: () => this.#grammar() }[kind](),
    }
  }

  /** Random bytes, in half of the cases after a CONNECT. */
  #bytes(): Buffer {
    const bytes = Buffer.from(Array.from({ length: this.#random.between(1, 300) }, () => this.#random.between(0, 255)))
    return this.#random.chance(0.5) ? Buffer.concat([this.#connect(this.#pick(VERSIONS)), bytes]) : bytes
  }

  /** A conversation in which bytes were changed, removed, inserted or repeated. */
  #mutation(): Buffer {
    let bytes = this.#pick(this.#conversations)
    for (let changes = this.#random.between(1, 6); changes > 0; changes--) bytes = this.#changed(bytes)
    return bytes
  }

  #changed(bytes: Buffer): Buffer {
    const at = this.#random.between(0, Math.max(0, bytes.length - 1))
    const length = this.#random.between(1, 8)
    const value = this.#random.between(0, 255)
    switch (this.#random.between(0, 4)) {
      case 0:
        return Buffer.concat([bytes.subarray(0, at), Buffer.from([value]), bytes.subarray(at + 1)])
      case 1:
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)])
      case 2:
        return Buffer.concat([bytes.subarray(0, at), Buffer.alloc(length, value), bytes.subarray(at)])
      case 3:
        return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)])
      default:
        return bytes.subarray(0, at)
    }
  }

  /** A CONNECT, then valid packets in any order. */
  #grammar(): Buffer {
    const version = this.#pick(VERSIONS)
    const parts = [this.#connect(version)]
    for (let count = this.#random.between(1, 20); count > 0; count--) {
      parts.push(encode(this.#pick(this.#pools.get(version)!), version))
    }
    return Buffer.concat(parts)
  }

  #connect(version: ProtocolVersion): Buffer {
    const clientId = `fuzz-${this.#random.between(1, CLIENT_IDS)}`
    const kept = this.#random.chance(0.3) ? keptSession(version) : {}
    return encode(connectPacket(version, { clientId, ...kept }), version)
  }

  #pick<T>(values: readonly T[]): T {
    return values[this.#random.between(0, values.length - 1)]!
  }
}

/** The packets of a busy client, as bytes. */
function life(version: ProtocolVersion): Buffer {
  const will = { topic: 'fuzz/will', payload: Buffer.from('will'), qos: 1 as const, retain: true }
  const lived: Packet[] = [
    connectPacket(version, { clientId: 'fuzz-1', will, ...keptSession(version) }),
    { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'fuzz/#', qos: 2 }] },
    { cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: '$share/g/fuzz/+', qos: 1 }] },
    textPacket('fuzz/0', 'x'),
    textPacket('fuzz/1', 'x', { qos: 1, messageId: 2, retain: true }),
    textPacket('fuzz/2', 'x', { qos: 2, messageId: 3 }),
    { cmd: 'pubrel', messageId: 3 },
    { cmd: 'puback', messageId: 1 },
    { cmd: 'pubrec', messageId: 2 },
    { cmd: 'pubcomp', messageId: 2 },
    { cmd: 'pingreq' },
    { cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['fuzz/#'] },
    { cmd: 'disconnect' },
  ]
  return Buffer.concat(lived.map(packet => encode(packet, version)))
}

/** Each packet of the golden table, after a CONNECT. */
function golden(version: ProtocolVersion): Buffer[] {
  const connect = encode(connectPacket(version, { clientId: 'fuzz-2' }), version)
  return GOLDEN.map(({ bytes }) => Buffer.concat([connect, Buffer.from(bytes)]))
}
