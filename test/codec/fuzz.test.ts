/** Random bytes: no exception, no hang, and a decoded packet has the same meaning after encoding it again. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type DecodedPacket, Decoder } from '../../lib/codec/decode/decoder.js'
import { encode } from '../../lib/codec/encode/encoder.js'
import { AnaxError } from '../../lib/errors.js'
import type { ProtocolVersion } from '../../types/message/packets.js'
import { byEffort, runs } from '../support/effort.js'
import { packets } from './arbitraries.js'
import { GOLDEN } from './golden/golden.js'
import { byteByByte, decodeChunks, decodeOne, plain, type Side } from './support.js'

const VERSIONS: ProtocolVersion[] = [3, 4, 5]
const SIDES: Side[] = ['broker', 'client']

const versions = fc.constantFrom(...VERSIONS)
const sides = fc.constantFrom(...SIDES)

/** Decodes, encodes the result, and decodes that again. */
function check(bytes: Buffer, side: Side, version: ProtocolVersion): void {
  const decoder = new Decoder({ side, protocolVersion: version })
  decoder.push(bytes)
  const decoded: DecodedPacket[] = []
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next()) {
    decoded.push(packet)
    const again = decodeOne(encode(packet, decoder.protocolVersion), side, decoder.protocolVersion)
    assert.deepEqual(plain(again), plain(packet))
  }
  assert.ok(decoded.length <= bytes.length / 2)
  assert.ok(decoder.error === undefined || decoder.error instanceof AnaxError)
  // Only an internal error would be wrapped
  assert.equal(decoder.error?.cause, undefined)
  const single = decodeChunks(byteByByte(bytes), side, version)
  assert.deepEqual(single.packets.map(plain), decoded.map(plain))
  assert.equal(single.error?.message, decoder.error?.message)
}

/** A golden packet with some bytes changed, removed or inserted. */
const mutated = fc
  .tuple(
    fc.constantFrom(...GOLDEN),
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom('set', 'flip', 'cut', 'insert')), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([golden, changes]) => {
    const bytes = [...golden.bytes]
    for (const [place, value, kind] of changes) {
      const at = place % (bytes.length + 1)
      if (kind === 'cut') bytes.splice(at, 1)
      else if (kind === 'insert') bytes.splice(at, 0, value)
      else if (at < bytes.length) bytes[at] = kind === 'set' ? value : bytes[at]! ^ (1 << (value & 7))
    }
    return { golden, bytes: Buffer.from(bytes) }
  })

describe('any bytes', () => {
  it('are decoded or refused', () => {
    const anyBytes = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes))
    fc.assert(fc.property(anyBytes, sides, versions, check), { numRuns: runs(3000) })
  })

  it('are decoded or refused if they are almost a packet', () => {
    const property = fc.property(mutated, ({ golden, bytes }) => check(bytes, golden.side, golden.version))
    fc.assert(property, { numRuns: runs(5000) })
  })

  it('are decoded or refused if a packet is read in another version or by the other side', () => {
    for (const { bytes } of GOLDEN) {
      for (const version of VERSIONS) for (const side of SIDES) check(bytes, side, version)
    }
  })

  it('with each byte of each packet replaced by each value are decoded or refused', () => {
    const all = [0, 1, 2, 3, 0x0b, 0x26, 0x7f, 0x80, 0xc0, 0xff]
    const values = byEffort({ fast: [0, 0x80, 0xff], normal: all, full: all })
    for (const { bytes, side, version } of GOLDEN) {
      for (let at = 0; at < bytes.length; at++) {
        for (const value of values) {
          const copy = Buffer.from(bytes)
          copy[at] = value
          check(copy, side, version)
        }
      }
    }
  })
})

describe('any valid packet', () => {
  for (const version of VERSIONS) {
    for (const side of SIDES) {
      it(`is decoded to what was encoded, version ${version}, read by a ${side}`, () => {
        const property = fc.property(packets(version, side), packet => {
          assert.deepEqual(plain(decodeOne(encode(packet, version), side, version)), plain(packet))
        })
        fc.assert(property, { numRuns: runs(500) })
      })

      it(`is decoded from any chunks, version ${version}, read by a ${side}`, () => {
        const stream = fc.tuple(fc.array(packets(version, side), { maxLength: 5 }), fc.array(fc.nat(40)))
        const property = fc.property(stream, ([list, sizes]) => {
          const bytes = Buffer.concat(list.map(packet => encode(packet, version)))
          const { packets: decoded, error } = decodeChunks(cut(bytes, sizes), side, version)
          assert.equal(error, undefined)
          assert.deepEqual(decoded.map(plain), list.map(plain))
        })
        fc.assert(property, { numRuns: runs(200) })
      })
    }
  }
})

function* cut(bytes: Buffer, sizes: number[]): Generator<Buffer> {
  let at = 0
  for (const size of sizes) {
    yield bytes.subarray(at, at + size)
    at += size
  }
  yield bytes.subarray(at)
}
