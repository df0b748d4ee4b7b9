/**
 * User properties: an ordered list of pairs on the wire, an object of values by name in packets.
 * Owns the conversion between the two, which preserves the order [MQTT-3.3.2-18]; must not know bytes.
 */
import type { UserProperties } from '../../types/message/packets.js'

/**
 * The property in which an object stores the order of its pairs (name, value, name, value …), if the order of its names
 * cannot express it: repeated names with others between them, and names like `7`, which JavaScript puts first.
 * A registered symbol, because packets may pass between several copies of this package in one process.
 */
const ORDER = Symbol.for('anax.userPropertyOrder')

type Ordered = UserProperties & { [ORDER]?: readonly string[] }

/** Converts pairs to an object. It has no prototype, so `__proto__` is a name like any other. */
export function userPropertiesFrom(pairs: readonly string[]): UserProperties {
  const object: UserProperties = Object.create(null)
  let last = ''
  let expressible = true
  for (let i = 0; i < pairs.length; i += 2) {
    const name = pairs[i]!
    const value = pairs[i + 1]!
    const present = object[name]
    if (present === undefined) object[name] = value
    else if (typeof present === 'string') object[name] = [present, value]
    else present.push(value)
    if (isIndexLike(name) || (present !== undefined && name !== last)) expressible = false
    last = name
  }
  if (!expressible) Object.defineProperty(object, ORDER, { value: pairs })
  return object
}

/**
 * The pairs of an object in the order in which they are sent: the stored order if it is still correct (a hook may have
 * changed the object), otherwise that of the object.
 */
export function pairsOf(properties: UserProperties): readonly string[] {
  const order = (properties as Ordered)[ORDER]
  if (order !== undefined && agrees(order, properties)) return order
  const pairs: string[] = []
  for (const name of Object.keys(properties)) {
    const values = properties[name]!
    if (Array.isArray(values)) for (const value of values) pairs.push(name, value)
    else if (values !== undefined) pairs.push(name, values)
  }
  return pairs
}

/** Whether the pairs are exactly the object's values, in order for each name. */
function agrees(order: readonly string[], properties: UserProperties): boolean {
  const taken = new Map<string, number>()
  for (let i = 0; i < order.length; i += 2) {
    const name = order[i]!
    const index = taken.get(name) ?? 0
    const values = properties[name]
    if ((Array.isArray(values) ? values[index] : index === 0 ? values : undefined) !== order[i + 1]) return false
    taken.set(name, index + 1)
  }
  const names = Object.keys(properties)
  return names.length === taken.size && names.every(name => countOf(properties[name]!) === taken.get(name))
}

function countOf(values: string | string[]): number {
  return Array.isArray(values) ? values.length : 1
}

/** Begins with a digit: a superset of the names that JavaScript moves to the front. */
function isIndexLike(name: string): boolean {
  const code = name.charCodeAt(0)
  return code >= 0x30 && code <= 0x39
}
