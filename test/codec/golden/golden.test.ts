/** Every packet of the golden table is decoded and encoded, and decoded again in all possible pairs of chunks. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encode } from '../../../lib/codec/encode/encoder.js'
import { byteByByte, decodeAll, decodeChunks, decodeOne, plain } from '../support.js'
import { GOLDEN } from './golden.js'
import type { Golden } from './row.js'

describe('golden packets', () => {
  for (const golden of GOLDEN) {
    const { name, version, side, bytes, packet } = golden
    it(`${name}, version ${version}, read by a ${side}`, () => {
      assert.deepEqual(plain(decodeOne(bytes, side, version)), plain(packet), 'decoded')
      if (golden.encodes === undefined) assert.equal(encode(packet, version).toString('hex'), bytes.toString('hex'))
      else assert.deepEqual(plain(decodeOne(encode(packet, version), side, version)), plain(packet))
      decodesInPieces(golden)
      waitsForTheRest(golden)
    })
  }

  it('[3.1.1 MQTT-6.0.0-2] [5.0 MQTT-6.0.0-2] decodes a stream of packets whatever its chunks are', () => {
    for (const version of [3, 4, 5] as const) {
      for (const side of ['broker', 'client'] as const) {
        const rows = GOLDEN.filter(golden => golden.version === version && golden.side === side)
        const stream = Buffer.concat(rows.map(({ bytes }) => bytes))
        const expected = rows.map(({ packet }) => plain(packet))
        for (const size of [1, 2, 3, 7, 64, 1000, stream.length]) {
          const { packets, error } = decodeChunks(chunksOf(stream, size), side, version)
          assert.equal(error, undefined)
          assert.deepEqual(packets.map(plain), expected, `chunks of ${size}`)
        }
      }
    }
  })
})

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** Byte by byte, and split at every position. */
function decodesInPieces({ bytes, side, version, packet }: Golden): void {
  const expected = [plain(packet)]
  const single = decodeChunks(byteByByte(bytes), side, version)
  assert.deepEqual(single.packets.map(plain), expected, 'byte by byte')
  for (let at = 1; at < bytes.length; at++) {
    const { packets } = decodeChunks([bytes.subarray(0, at), bytes.subarray(at)], side, version)
    assert.deepEqual(packets.map(plain), expected, `cut at ${at}`)
  }
}

/** An incomplete packet is neither a packet nor an error. */
function waitsForTheRest({ bytes, side, version }: Golden): void {
  for (let end = 0; end < bytes.length; end++) {
    const { packets, error } = decodeAll(bytes.subarray(0, end), side, version)
    assert.equal(packets.length, 0, `${end} bytes`)
    assert.equal(error, undefined, `${end} bytes`)
  }
}
