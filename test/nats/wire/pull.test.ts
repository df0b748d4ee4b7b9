/** When a consumer has to be replaced: if the server has sent more than has arrived. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ConsumerMessages, ConsumerNotification, JsMsg } from '@nats-io/jetstream'
import { withoutGaps } from '../../../lib/nats/wire/pull.js'

/** A consumer that has received so many messages, and then hears so many heartbeats. */
async function isReplaced(received: number, heartbeats: readonly Partial<ConsumerNotification>[]): Promise<boolean> {
  let isStopped = false
  let stop = () => {}
  const stopped = new Promise<void>(resolve => {
    stop = () => {
      isStopped = true
      resolve()
    }
  })
  const messages = {
    getReceived: () => received,
    stop,
    async *status() {
      yield* heartbeats
    },
    async *[Symbol.asyncIterator]() {
      for (let i = 1; i <= received; i++) yield { info: { deliverySequence: i } } as JsMsg
      await stopped
    },
  } as unknown as ConsumerMessages
  const read = (async () => {
    for await (const _ of withoutGaps(messages, error => assert.fail(error)));
  })()
  await nextTurn()
  const wasStopped = isStopped
  stop()
  await read
  return wasStopped
}

const heartbeat = (lastConsumerSequence: number) => ({ type: 'heartbeat' as const, lastConsumerSequence })

test('a consumer is replaced if its server has sent more than has arrived', async () => {
  assert.equal(await isReplaced(2, [heartbeat(3)]), true)
  assert.equal(await isReplaced(0, [heartbeat(0), heartbeat(1)]), true)
})

test('a consumer that has got everything, or more since the server counted, is not replaced', async () => {
  assert.equal(await isReplaced(2, [heartbeat(0), heartbeat(2)]), false)
  // the message came after the heartbeat, in the same chunk
  assert.equal(await isReplaced(3, [heartbeat(2)]), false)
})

test('a consumer that is gone is replaced', async () => {
  for (const type of ['heartbeats_missed', 'consumer_deleted', 'consumer_not_found'] as const) {
    assert.equal(await isReplaced(1, [{ type } as Partial<ConsumerNotification>]), true)
  }
})
