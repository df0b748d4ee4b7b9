/** A node reads the subjects of a shard that were requested last, whatever happens meanwhile. gaps.test.ts loses messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsMsg } from '@nats-io/jetstream'
import { ShardReader } from '../../../lib/nats/log/shard-reader.js'

const settled = async () => {
  for (let i = 0; i < 5; i++) await new Promise(resolve => setImmediate(resolve))
}

interface ConsumerOptions {
  readonly name: string
  readonly filter_subjects: readonly string[]
}

/** A consumer, and its messages. */
class FakeConsumer {
  readonly name: string
  readonly subjects: readonly string[]
  readonly #queue: (JsMsg | undefined)[] = []
  #delivered = 0
  #wake = () => {}

  constructor({ name, filter_subjects }: ConsumerOptions) {
    this.name = name
    this.subjects = filter_subjects
  }

  send(seq: number): void {
    const info = { deliverySequence: ++this.#delivered, pending: 0 }
    this.#push({ seq, info, subject: 'log' } as unknown as JsMsg)
  }

  stop(): void {
    this.#push(undefined)
  }

  status() {
    return { async *[Symbol.asyncIterator]() {} }
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#queue.length === 0) {
        await new Promise<void>(resolve => {
          this.#wake = resolve
        })
      }
      const message = this.#queue.shift()
      if (message === undefined) return
      yield message
    }
  }

  #push(message: JsMsg | undefined): void {
    this.#queue.push(message)
    this.#wake()
  }
}

/** A stream, and its consumers. While it is held, new consumers wait, the newest for the shortest time. */
function streamOf() {
  const consumers: FakeConsumer[] = []
  const waiting: (() => void)[] = []
  const taken: number[] = []
  let isHeld = false
  const manager = {
    consumers: {
      async add(_: string, options: ConsumerOptions) {
        if (isHeld) await new Promise<void>(resolve => waiting.unshift(resolve))
        consumers.push(new FakeConsumer(options))
      },
      delete: async () => true,
    },
  }
  const consumerOf = (name: string) => consumers.find(consumer => consumer.name === name)
  const client = { consumers: { get: async (_: string, name: string) => ({ consume: async () => consumerOf(name) }) } }
  const wire = { end: async () => 0, write: async () => ({ seq: 0 }) }
  const reader = new ShardReader({
    wire,
    manager,
    client,
    stream: 's',
    mark: 'mark',
    name: 'n',
    take: (message: JsMsg) => void taken.push(message.seq),
    failed: (error: Error) => assert.fail(error),
  } as never)
  return {
    reader,
    consumers,
    taken,
    hold: () => {
      isHeld = true
    },
    letGo: async () => {
      isHeld = false
      for (const go of waiting.splice(0)) go()
      await settled()
    },
  }
}

test('subjects that are added while a consumer is being recreated are read', async () => {
  const { reader, consumers, taken, hold, letGo } = streamOf()
  await reader.want(['a'])
  hold()
  consumers[0]!.stop()
  await settled()
  const wanted = reader.want(['a', 'b'])
  await settled()
  await letGo()
  await wanted
  consumers.find(({ subjects }) => subjects.includes('b'))!.send(7)
  await settled()
  assert.deepEqual(taken, [7])
  await reader.stop()
})
