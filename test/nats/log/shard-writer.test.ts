/** A write of a node to a shard, and answers that do not say whether it was written. */
import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ShardWriter } from '../../../lib/nats/log/shard-writer.js'
import { RefusedRequest, type Wire, type WriteOptions } from '../../../lib/nats/wire/wire.js'

/** More attempts than after an unknown refusal. */
const OFTEN = 50
const IN_PROCESS = 10158

test('a write whose earlier attempt is still in progress is repeated until it is confirmed', async () => {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const ids: (string | undefined)[] = []
    const wire = {
      async write(_record: unknown, { id }: WriteOptions) {
        ids.push(id)
        if (ids.length === 1) throw new Error('timeout')
        if (ids.length <= OFTEN) throw new RefusedRequest(IN_PROCESS, 'duplicate message id is in process')
        return { seq: 7, duplicate: true }
      },
    } as unknown as Wire
    const writer = new ShardWriter({
      wire,
      stream: 's',
      fence: { subject: 'fence', sequence: 1 },
      epoch: 'e',
      lost: new AbortController().signal,
      fenced: () => assert.fail('nobody has touched the fence'),
      written: () => {},
    })
    let isSettled = false
    const record = { subject: 'a', body: Buffer.from('1'), ttl: undefined, replaces: false }
    const written = writer.write([record]).finally(() => {
      isSettled = true
    })
    while (!isSettled) {
      await nextTurn()
      mock.timers.tick(200)
    }
    assert.equal(await written, undefined)
    assert.equal(ids.length, OFTEN + 1)
    assert.deepEqual(new Set(ids).size, 1)
  } finally {
    mock.timers.reset()
  }
})
