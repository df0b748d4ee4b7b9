/**
 * Connects over a stream: sends CONNECT and evaluates the broker's answer. Owns the handshake; the connection owns
 * everything after it.
 */
import type { Duplex } from 'node:stream'
import type { ConnackPacket } from '../../types/message/packets.js'
import { Decoder } from '../codec/decode/decoder.js'
import { encode } from '../codec/encode/encoder.js'
import { AnaxError, wrapError } from '../errors.js'
import { type Handshake, MqttConnection } from './connection.js'
import { type ConnectOptions, connectPacketOf, systemClock } from './options.js'
import { connectRefusal } from './refusals.js'

/**
 * Connects over a stream. Resolves when the broker has accepted the client.
 * @throws AnaxError ANAX_ERR_REFUSED with the broker's reason code, ANAX_ERR_TIMEOUT if there is no answer in time,
 * ANAX_ERR_NOT_CONNECTED if the stream ends before, ANAX_ERR_ARGUMENT
 */
export function connect(stream: Duplex, options: ConnectOptions = {}): Promise<MqttConnection> {
  return new Promise((resolve, reject) => {
    if (typeof stream?.pipe !== 'function') {
      throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: 'not a stream; openStream(url) makes one of a URL' })
    }
    const packet = connectPacketOf(options)
    const { connectTimeoutMs = 10_000, clock = systemClock } = options
    const decoder = new Decoder({ side: 'client', protocolVersion: packet.protocolVersion })
    const timer =
      connectTimeoutMs > 0 ? clock.setTimeout(() => over(timeout(connectTimeoutMs)), connectTimeoutMs) : undefined
    let received = (chunk: Buffer) => {
      decoder.push(chunk)
      const answer = decoder.next()
      if (decoder.error !== undefined) over(decoder.error)
      else if (answer?.cmd === 'connack') conclude(answer)
    }
    let over = (error: AnaxError | undefined) => {
      clock.clearTimeout(timer)
      stream.destroy()
      reject(error ?? new AnaxError('ANAX_ERR_NOT_CONNECTED', { detail: 'the connection ended before CONNACK' }))
    }
    const conclude = (connack: ConnackPacket) => {
      const refused = connectRefusal(connack)
      if (refused !== undefined) return over(refused)
      clock.clearTimeout(timer)
      const handOver: Handshake['handOver'] = (nextReceived, nextOver) => {
        received = nextReceived
        over = nextOver
      }
      resolve(new MqttConnection({ stream, decoder, connack, options, packet, handOver }))
    }
    const bytes = encode(packet, packet.protocolVersion)
    stream.on('data', (chunk: Buffer) => received(chunk))
    stream.on('error', error => over(wrapError('ANAX_ERR_STREAM', error)))
    stream.on('end', () => stream.end())
    stream.on('close', () => over(new AnaxError('ANAX_ERR_NOT_CONNECTED', { detail: 'the stream was closed' })))
    stream.write(bytes)
  })
}

function timeout(ms: number): AnaxError {
  return new AnaxError('ANAX_ERR_TIMEOUT', { detail: `no CONNACK within ${ms} ms` })
}
