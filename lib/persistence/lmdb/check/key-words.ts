/** Formats keys of the LMDB store for people, in reports of damage. Knows the format of each table's keys. */
import { numberIn } from '../engine/encoding.js'

/** Tables whose keys are text: client ids and topics. */
const TEXT_KEYS: Readonly<Record<string, string>> = {
  sessions: 'client',
  wills: 'client',
  retained: 'topic',
}
/** Tables whose keys are numbers, in the order of their names here. */
const NUMBER_KEYS: Readonly<Record<string, readonly string[]>> = {
  subscriptions: ['session'],
  incoming: ['session'],
  queues: ['session'],
  entries: ['session', 'message'],
  messages: ['message'],
  holders: ['message'],
  ended: ['session'],
}
const NUMBER_BYTES = 6

/** A key in readable form: what it belongs to, or its bytes in hexadecimal. */
export function keyInWords(table: string | undefined, key: Buffer): string {
  const text = table === undefined ? undefined : TEXT_KEYS[table]
  if (text !== undefined) return `${text} ${JSON.stringify(key.toString('utf8', 1))}`
  const names = (table === undefined ? undefined : NUMBER_KEYS[table]) ?? []
  const numbers = names.filter((_, i) => key.length >= (i + 1) * NUMBER_BYTES)
  if (numbers.length === 0) return key.toString('hex')
  return numbers.map((name, i) => `${name} ${numberIn(key, i)}`).join(', ')
}
