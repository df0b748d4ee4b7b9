/**
 * A process that measures how many bytes the broker allocates for each QoS 0 message from one client to another, and
 * prints the number. Needs `--expose-gc`, and a young generation that is large enough for all measured messages.
 */
import { MessagePair } from '../../../bench/load/message-pair.js'
import { encode } from '../../../lib/codec/index.js'
import { createBroker } from '../../../lib/index.js'

/** Messages per chunk. */
const MESSAGES_PER_CHUNK = 50
const WARM_UP_CHUNKS = 2000
const MEASURED_CHUNKS = 100

/** The minimum counts, because the compiler may have worked in other rounds. */
const ROUNDS = 5

declare const gc: () => void

async function main(): Promise<void> {
  await using broker = await createBroker()
  const pair = await MessagePair.connect(broker, encode, MESSAGES_PER_CHUNK)
  await pair.send(WARM_UP_CHUNKS)
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    gc()
    const before = process.memoryUsage().heapUsed
    await pair.send(MEASURED_CHUNKS)
    least = Math.min(least, process.memoryUsage().heapUsed - before)
  }
  process.stdout.write(`${Math.round(least / (MEASURED_CHUNKS * MESSAGES_PER_CHUNK))}\n`)
}

main()
