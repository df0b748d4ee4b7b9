/** A message that the server delivers to a node a second time is not given to a member again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type GroupParts, NatsGroup } from '../../lib/nats/group.js'
import { messageBytes } from '../../lib/nats/wire/message-bytes.js'
import { Patience } from '../../lib/nats/wire/patience.js'
import { ShardSubjects } from '../../lib/nats/wire/subjects.js'
import type { HeldEntry } from '../../types/cluster.js'
import type { Message } from '../../types/message/message.js'

const subjects = new ShardSubjects('anax', 0)
const NEVER = new Promise<void>(() => {})

/** A server with one consumer, and what it was answered. */
function server() {
  const answers: string[] = []
  const waiting: unknown[] = []
  let wake = () => {}
  const messages = {
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (waiting.length > 0) yield waiting.shift()
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    status: () => ({ [Symbol.asyncIterator]: () => ({ next: () => NEVER }) }),
    stop() {},
  }
  const consumers = { add: async () => {}, get: async () => ({ consume: async () => messages }) }
  const parts = {
    nc: { subscribe: () => ({ unsubscribe() {} }), isClosed: () => false },
    wire: { flush: async () => {} },
    patience: new Patience({ isClosed: () => false }, new AbortController().signal),
    manager: { consumers },
    client: { consumers },
    prefix: 'anax',
    shards: [{ stream: 'stream', subjects }],
    failed: (error: Error) => assert.fail(error),
  } as unknown as GroupParts
  const handOut = (seq: number) => {
    const answer = (what: string) => () => answers.push(`${what} ${seq}`)
    const data = messageBytes({ topic: 'a', payload: Buffer.from(''), qos: 1, retain: false } as Message, 'short')
    waiting.push({ seq, data, subject: subjects.log('a'), ack: answer('ack'), nak: answer('nak'), working() {} })
    wake()
  }
  return { parts, answers, handOut }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

test('a node takes a group message again only if it has given it back', async () => {
  const { parts, answers, handOut } = server()
  const taken: HeldEntry[] = []
  const group = new NatsGroup('$share/group/a', entry => taken.push(entry), parts)
  await group.join()
  try {
    await turn()
    for (const seq of [1, 2, 1]) handOut(seq)
    await turn()
    assert.deepEqual([taken.map(({ position }) => position?.sequence), answers], [[1, 2], []])

    taken[0]!.done()
    taken[1]!.giveBack()
    assert.deepEqual(answers, ['ack 1', 'nak 2'])
    for (const seq of [1, 2]) handOut(seq)
    await turn()
    assert.deepEqual([taken.length, taken.at(-1)?.position?.sequence, answers.at(-1)], [3, 2, 'ack 1'])
  } finally {
    await group.leave()
  }
  assert.equal(answers.at(-1), 'nak 2', 'other nodes get what a node leaves behind')
})
