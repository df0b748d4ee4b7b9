/** The watch of nodes leaves nothing behind. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeWatch, type NodeWatchParts } from '../../../lib/nats/nodes/node-watch.js'

/** Messages of a consumer that has none, until they are stopped. */
class NoMessages {
  isStopped = false
  #end = () => {}
  readonly #ended = new Promise<void>(resolve => {
    this.#end = resolve
  })

  stop(): void {
    this.isStopped = true
    this.#end()
  }

  status() {
    return { async *[Symbol.asyncIterator]() {} }
  }

  [Symbol.asyncIterator]() {
    return { next: () => this.#ended.then(() => ({ done: true, value: undefined })) }
  }
}

test('a consumer that is created while the watch is being stopped ends', async () => {
  const consumed: NoMessages[] = []
  let make = () => {}
  const consume = async () => {
    const messages = new NoMessages()
    if (consumed.push(messages) > 1) {
      await new Promise<void>(resolve => {
        make = resolve
      })
    }
    return messages
  }
  const watch = new NodeWatch({
    manager: { consumers: { add: async () => ({ num_pending: 0 }) } },
    client: { consumers: { get: async () => ({ consume }) } },
    name: 'watch',
    base: 'node.',
    failed: (error: Error) => assert.fail(error),
  } as unknown as NodeWatchParts)
  await watch.start()
  consumed[0]!.stop()
  while (consumed.length < 2) await new Promise(resolve => setImmediate(resolve))
  watch.stop()
  make()
  await new Promise(resolve => setImmediate(resolve))
  assert.equal(consumed[1]!.isStopped, true)
})
