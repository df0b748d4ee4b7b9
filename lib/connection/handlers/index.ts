/**
 * What each packet of a client leads to: one row per packet type. Owns the choice and nothing else.
 */
import type { DecodedPacket } from '../../codec/decode/decoder.js'
import { frames } from '../../codec/encode/encoder.js'
import { AnaxError } from '../../errors.js'
import type { Connection } from '../connection.js'
import { receivePuback, receivePubcomp, receivePubrec, receivePubrel } from './acknowledge.js'
import { receiveAuth } from './authenticate.js'
import { receiveDisconnect } from './disconnect.js'
import { receivePublish } from './publish.js'
import { receiveSubscribe } from './subscribe.js'
import { receiveUnsubscribe } from './unsubscribe.js'

/** Handles one packet, in whatever state the connection is. */
export function receive(connection: Connection, packet: DecodedPacket): void {
  if (connection.connected) receiveConnected(connection, packet)
  else if (connection.connecting) receiveConnecting(connection, packet)
  else if (packet.cmd === 'connect') connection.begin(packet)
  else connection.fail(unexpected(packet, 'before CONNECT')) // [MQTT-3.1.0-1]
}

function receiveConnecting(connection: Connection, packet: DecodedPacket): void {
  if (packet.cmd === 'auth') connection.process?.receive(packet)
  else if (packet.cmd === 'disconnect') connection.end({ will: 'discard', reason: undefined })
  else connection.fail(unexpected(packet, 'during the authentication')) // [MQTT-3.1.2-30]
}

function receiveConnected(connection: Connection, packet: DecodedPacket): void {
  switch (packet.cmd) {
    case 'publish':
      receivePublish(connection, packet)
      break
    case 'puback':
      receivePuback(connection, packet)
      break
    case 'pubrec':
      receivePubrec(connection, packet)
      break
    case 'pubrel':
      receivePubrel(connection, packet)
      break
    case 'pubcomp':
      receivePubcomp(connection, packet)
      break
    case 'subscribe':
      receiveSubscribe(connection, packet)
      break
    case 'unsubscribe':
      receiveUnsubscribe(connection, packet)
      break
    case 'pingreq':
      connection.write(frames.pingresp, 0) // [MQTT-3.12.4-1]
      connection.ports.events.emit('ping', packet, connection)
      break
    case 'disconnect':
      receiveDisconnect(connection, packet)
      break
    case 'auth':
      receiveAuth(connection, packet)
      break
    default:
      // [MQTT-3.1.0-2] for a second CONNECT
      connection.fail(unexpected(packet, 'in the middle of a connection'))
  }
}

function unexpected({ cmd }: DecodedPacket, when: string): AnaxError {
  return new AnaxError('ANAX_ERR_PROTOCOL', { detail: `${cmd.toUpperCase()} ${when}` })
}
