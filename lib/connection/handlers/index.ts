/**
 * Calls the handler of each received packet: one row per packet type. Owns the choice of the handler; which packets a
 * connection may send in which state follows from it.
 */
import type { DecodedPacket } from '../../codec/decode/decoder.js'
import { frames } from '../../codec/encode/encoder.js'
import { AnaxError } from '../../errors.js'
import type { Channel } from '../channel.js'
import { receivePuback, receivePubcomp, receivePubrec, receivePubrel } from './acknowledge.js'
import { receiveAuth } from './authenticate.js'
import { receiveDisconnect } from './disconnect.js'
import { receivePublish } from './publish.js'
import { receiveSubscribe } from './subscribe.js'
import { receiveUnsubscribe } from './unsubscribe.js'

/** Handles one packet, in whatever state the connection is. */
export function receive(channel: Channel, packet: DecodedPacket): void {
  if (channel.connected) receiveConnected(channel, packet)
  else if (channel.connecting) receiveConnecting(channel, packet)
  else if (packet.cmd === 'connect') channel.beginConnect(packet)
  else channel.fail(unexpected(packet, 'before CONNECT')) // [MQTT-3.1.0-1]
}

function receiveConnecting(channel: Channel, packet: DecodedPacket): void {
  if (packet.cmd === 'auth') channel.continueConnect(packet)
  else if (packet.cmd === 'disconnect') channel.end({ will: 'discard', reason: undefined })
  else channel.fail(unexpected(packet, 'during the authentication')) // [MQTT-3.1.2-30]
}

function receiveConnected(channel: Channel, packet: DecodedPacket): void {
  switch (packet.cmd) {
    case 'publish':
      receivePublish(channel, packet)
      break
    case 'puback':
      receivePuback(channel, packet)
      break
    case 'pubrec':
      receivePubrec(channel, packet)
      break
    case 'pubrel':
      receivePubrel(channel, packet)
      break
    case 'pubcomp':
      receivePubcomp(channel, packet)
      break
    case 'subscribe':
      receiveSubscribe(channel, packet)
      break
    case 'unsubscribe':
      receiveUnsubscribe(channel, packet)
      break
    case 'pingreq':
      channel.write(frames.pingresp, 0) // [MQTT-3.12.4-1]
      channel.ports.events.emit('ping', packet, channel.client)
      break
    case 'disconnect':
      receiveDisconnect(channel, packet)
      break
    case 'auth':
      receiveAuth(channel, packet)
      break
    default:
      // [MQTT-3.1.0-2] for a second CONNECT
      channel.fail(unexpected(packet, 'in the middle of a connection'))
  }
}

function unexpected({ cmd }: DecodedPacket, when: string): AnaxError {
  return new AnaxError('ANAX_ERR_PROTOCOL', { detail: `${cmd.toUpperCase()} ${when}` })
}
