/**
 * Reads a property list (2.2.2) with the table of properties.
 * Owns the checks that all packets share; must not know which properties a packet requires.
 */

import type { UserProperties } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { isTopicName } from '../../topic/topic.js'
import { Sender } from '../packet-types.js'
import {
  isAllowedIn,
  isRepeatable,
  type Property,
  type PropertyOwner,
  propertyById,
  TOPIC_ALIAS,
} from '../properties.js'
import { userPropertiesFrom } from '../user-properties.js'
import type { WireReader } from '../wire/wire-reader.js'

type Value = boolean | number | string | Buffer | number[] | UserProperties
type Values = { [name: string]: Value }

/**
 * Reads the list at the cursor.
 * @returns the properties by name, or undefined if the list is empty
 */
export function readProperties<T extends object>(reader: WireReader, owner: PropertyOwner): T | undefined {
  const length = reader.varint('property length')
  if (length === 0) return undefined
  const outer = reader.enter(length, 'properties')
  const values: Values = {}
  let userPairs: string[] | undefined
  while (reader.left > 0) {
    const property = allowedProperty(reader, owner)
    const name = property.name
    if (property.kind === 'userProperties') {
      userPairs ??= []
      // [MQTT-1.5.7-1]
      userPairs.push(reader.string('user property name'), reader.string('user property value'))
      continue
    }
    const present = values[name]
    const value = readValue(reader, property)
    if (present === undefined) values[name] = value
    else values[name] = repeated(reader, property, owner, present, value)
  }
  reader.leave(outer)
  if (userPairs !== undefined) values.userProperties = userPropertiesFrom(userPairs)
  return values as T
}

/** Reads a property identifier that this sender may use in this packet. */
function allowedProperty(reader: WireReader, owner: PropertyOwner): Property {
  const id = reader.uint8('property identifier')
  const property = propertyById(id)
  if (property === undefined || !isAllowedIn(property, owner)) {
    throw reader.malformed(`property 0x${id.toString(16).padStart(2, '0')} does not belong here`)
  }
  const allowed = reader.sender === Sender.client ? property.fromClient : property.fromBroker
  if ((allowed & (1 << owner)) === 0) {
    const who = reader.sender === Sender.client ? 'client' : 'broker'
    throw reader.protocolError(`${property.name} is not for a ${who} to send`)
  }
  return property
}

function readValue(reader: WireReader, property: Property): boolean | number | string | Buffer {
  switch (property.kind) {
    case 'boolean':
      return inRange(reader, property, reader.uint8(property.name)) === 1
    case 'uint8':
      return inRange(reader, property, reader.uint8(property.name))
    case 'uint16':
      return inRange(reader, property, reader.uint16(property.name))
    case 'uint32':
      return inRange(reader, property, reader.uint32(property.name))
    case 'varint':
      return inRange(reader, property, reader.varint(property.name))
    case 'binary':
      return reader.binary(property.name)
    case 'topicName':
      return topicName(reader, property.name)
    default:
      return reader.string(property.name)
  }
}

function inRange(reader: WireReader, property: Property, value: number): number {
  if (value >= property.min && value <= property.max) return value
  const detail = `${property.name} ${value}`
  if (property.id === TOPIC_ALIAS)
    throw new AnaxError('ANAX_ERR_TOPIC_ALIAS', { detail: `${reader.packet}: ${detail}` })
  throw reader.protocolError(detail)
}

/** [MQTT-3.3.2-14] */
function topicName(reader: WireReader, name: string): string {
  const topic = reader.string(name)
  if (!isTopicName(topic)) throw reader.protocolError(`${name} '${topic}' is not a topic name`)
  return topic
}

function repeated(reader: WireReader, property: Property, owner: PropertyOwner, present: Value, value: Value): Value {
  if (!isRepeatable(property, owner)) throw reader.protocolError(`${property.name} twice`)
  if (!Array.isArray(present)) return [present as number, value as number]
  present.push(value as number)
  return present
}
