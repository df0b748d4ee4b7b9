/** Shared by the tests of sessions: reads frames, and creates a session without a broker. */
import assert from 'node:assert/strict'
import { Decoder } from '../../lib/codec/decode/decoder.js'
import type { Frame } from '../../lib/codec/wire/frame.js'
import { NEVER_EXPIRES } from '../../lib/model/session-expiry.js'
import type { Ports } from '../../lib/ports/ports.js'
import { Session } from '../../lib/session/session.js'
import type { ProtocolVersion, PublishPacket } from '../../types/message/packets.js'

/** The PUBLISH packet in a frame. */
export function decodeFrame(frame: Frame, version: ProtocolVersion, packetId: number): PublishPacket {
  const bytes = Buffer.alloc(frame.length)
  frame.copyTo(bytes, 0, packetId)
  const decoder = new Decoder({ side: 'client', protocolVersion: version })
  decoder.push(bytes)
  const packet = decoder.next()
  assert.equal(decoder.error, undefined)
  assert.equal(packet?.cmd, 'publish')
  return packet as PublishPacket
}

/** A session without a connection. */
export function bareSession(id: string, keeping: { stored: boolean } = { stored: false }): Session {
  const limits = { maxMessages: 10, maxBytes: 1000, overflow: 'drop-newest' } as const
  return new Session(id, { expiryInterval: NEVER_EXPIRES, stored: keeping.stored, limits }, {} as Ports)
}
