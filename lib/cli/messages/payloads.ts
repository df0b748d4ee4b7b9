/**
 * The payloads of `anax pub`: from the command line, a file, or the standard input as a whole or line by line.
 * Knows payloads; knows no connection.
 */
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { fileError, usageError } from '../command-error.js'

export const PAYLOAD_OPTIONS = {
  message: { type: 'string', short: 'm' },
  hex: { type: 'string' },
  file: { type: 'string', short: 'f' },
  stdin: { type: 'boolean', short: 's' },
  lines: { type: 'boolean', short: 'l' },
  empty: { type: 'boolean', short: 'n' },
} as const

export type PayloadValues = Partial<Record<keyof typeof PAYLOAD_OPTIONS, string | boolean | undefined>>

type Payload = string | Buffer

/** The payloads. Except for a file, nothing is read before the iteration. @throws CommandError */
export function payloadsOf(values: PayloadValues): AsyncIterable<Payload> | Iterable<Payload> {
  const { message, hex, file, stdin, lines, empty } = values
  const given = [message, hex, file, stdin, lines, empty].filter(value => value !== undefined)
  if (given.length !== 1) {
    throw usageError('give the payload with one of --message, --hex, --file, --stdin, --lines and --empty', 'pub')
  }
  if (typeof message === 'string') return [message]
  if (typeof hex === 'string') return [bytesOf(hex)]
  if (typeof file === 'string') return [read(file)]
  if (lines) return linesOf(process.stdin)
  return stdin ? whole(process.stdin) : ['']
}

function bytesOf(hex: string): Buffer {
  const digits = hex.replaceAll(/\s/g, '')
  if (/^(?:[0-9a-f]{2})*$/i.test(digits)) return Buffer.from(digits, 'hex')
  throw usageError('--hex takes pairs of hexadecimal digits', 'pub')
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw fileError(file, error)
  }
}

async function* whole(input: NodeJS.ReadStream): AsyncGenerator<Payload> {
  yield await buffer(input)
}

/** Created when it is iterated, because lines that readline reads before would be lost. */
async function* linesOf(input: NodeJS.ReadStream): AsyncGenerator<Payload> {
  yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
}
