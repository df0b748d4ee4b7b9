/** Records of an export in a file, or on the standard streams. Knows neither where they come from nor where they go. */
import { closeSync, createReadStream, createWriteStream, openSync, readFileSync, readSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  type ImportResult,
  isMosquittoDatabase,
  lineOf,
  readMosquitto,
  recordsIn,
  type StoreRecord,
} from '../../transfer/index.js'
import { fileError } from '../command-error.js'

/** @param file undefined for the standard output */
export async function writeRecords(records: AsyncIterable<StoreRecord>, file: string | undefined): Promise<void> {
  const lines = Readable.from(linesOf(records))
  if (file === undefined) await pipeline(lines, process.stdout, { end: false })
  else await pipeline(lines, createWriteStream(file, { flags: 'wx', mode: 0o600 }))
}

/** @param file with lines of JSON, or the database of Mosquitto; undefined for lines in the standard input */
export function recordsFrom(file: string | undefined): AsyncIterable<StoreRecord> | Iterable<StoreRecord> {
  const database = file === undefined ? undefined : mosquittoDatabase(file)
  return database === undefined ? recordsIn(linesIn(file)) : readMosquitto(database)
}

export function printCounts(target: string, { sessions, queued, wills, retained }: ImportResult): void {
  const counts = `${sessions} sessions, ${queued} queued messages, ${wills} wills, ${retained} retained messages`
  process.stdout.write(`Imported into ${target}: ${counts}\n`)
}

/** The content of a file, if it is the database of Mosquitto. */
function mosquittoDatabase(file: string): Buffer | undefined {
  try {
    const descriptor = openSync(file, 'r')
    try {
      const start = Buffer.alloc(64)
      readSync(descriptor, start)
      return isMosquittoDatabase(start) ? readFileSync(file) : undefined
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw fileError(file, error)
  }
}

async function* linesIn(file: string | undefined): AsyncGenerator<string> {
  const input = file === undefined ? process.stdin : createReadStream(file)
  try {
    yield* createInterface({ input, crlfDelay: Infinity })
  } catch (error) {
    throw fileError(file ?? 'the input', error)
  }
}

async function* linesOf(records: AsyncIterable<StoreRecord>): AsyncGenerator<string> {
  for await (const record of records) yield `${lineOf(record)}\n`
}
