/**
 * Writes a property list (2.2.2) with the table of properties.
 * Owns the checks of the host's values; must not know which properties a packet requires.
 */
import type { UserProperties } from '../../../types/message/packets.js'
import { isTopicName } from '../../topic/topic.js'
import { isAllowedIn, isRepeatable, type Property, type PropertyOwner, propertyByName } from '../properties.js'
import { pairsOf } from '../user-properties.js'
import { integer, refuse, type WireWriter } from '../wire/wire-writer.js'

/** Writes the list with its length in front: one byte 0 if it is empty [MQTT-2.2.2-1]. */
export function writeProperties(writer: WireWriter, owner: PropertyOwner, properties: object | undefined): void {
  if (properties === undefined) {
    writer.uint8(0)
    return
  }
  const begin = writer.beginSection()
  writePropertiesExcept(writer, owner, properties, NONE)
  writer.endSection(begin)
}

const NONE: ReadonlySet<string> = new Set()

/** Writes the properties whose names are not in `omitted`, without a length in front. */
export function writePropertiesExcept(
  writer: WireWriter,
  owner: PropertyOwner,
  properties: object,
  omitted: ReadonlySet<string>,
): void {
  for (const name of Object.keys(properties)) {
    const value = (properties as Record<string, unknown>)[name]
    if (value === undefined || value === null || omitted.has(name)) continue
    const property = propertyByName(name)
    if (property === undefined || !isAllowedIn(property, owner)) throw refuse(`property ${name} does not belong here`)
    if (Array.isArray(value) && isRepeatable(property, owner)) {
      for (const one of value) writeProperty(writer, property, one)
    } else {
      writeProperty(writer, property, value)
    }
  }
}

/** Writes one property with its identifier. */
export function writeProperty(writer: WireWriter, property: Property, value: unknown): void {
  if (property.kind === 'userProperties') {
    writeUserProperties(writer, property, value)
    return
  }
  writer.uint8(property.id)
  switch (property.kind) {
    case 'boolean':
      if (typeof value !== 'boolean') throw refuse(`${property.name} has to be a boolean`)
      writer.uint8(value ? 1 : 0)
      break
    case 'uint8':
      writer.uint8(inRange(property, value))
      break
    case 'uint16':
      writer.uint16(inRange(property, value))
      break
    case 'uint32':
      writer.uint32(inRange(property, value))
      break
    case 'varint':
      writer.varint(inRange(property, value))
      break
    case 'binary':
      writer.binary(bytesOf(value, property.name), property.name)
      break
    case 'topicName':
      if (!isTopicName(text(property, value))) throw refuse(`${property.name} '${value}' is not a topic name`)
      writer.string(value as string, property.name)
      break
    default:
      writer.string(text(property, value), property.name)
  }
}

/** Converts a value that the host may pass as bytes or as text. */
export function bytesOf(value: unknown, what: string): Uint8Array {
  if (value instanceof Uint8Array) return value
  if (typeof value === 'string') return Buffer.from(value)
  throw refuse(`${what} has to be a Buffer`)
}

/** Writes user properties in their order [MQTT-3.3.2-18]. */
function writeUserProperties(writer: WireWriter, property: Property, value: unknown): void {
  if (typeof value !== 'object') throw refuse(`${property.name} has to be an object`)
  const pairs = pairsOf(value as UserProperties)
  for (let i = 0; i < pairs.length; i += 2) {
    writer.uint8(property.id)
    writer.string(pairs[i]!, 'user property name')
    writer.string(text(property, pairs[i + 1]), 'user property value')
  }
}

function inRange(property: Property, value: unknown): number {
  return integer(value, property.min, property.max, property.name)
}

function text(property: Property, value: unknown): string {
  if (typeof value === 'string') return value
  throw refuse(`${property.name} has to be a string`)
}
