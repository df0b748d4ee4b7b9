/** Sessions that have missed nothing learn this with a common request, and read nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogReader } from '../../../lib/nats/log/log-reader.js'
import { NewMessages, type ReadLast } from '../../../lib/nats/log/new-messages.js'
import { ShardSubjects } from '../../../lib/nats/wire/subjects.js'
import type { StoredRecord, Wire } from '../../../lib/nats/wire/wire.js'

const NOTHING = Buffer.alloc(0)

function stored(subject: string, sequence: number): StoredRecord {
  return { subject, sequence, body: NOTHING, time: 0 }
}

/** A log in which each topic has one message, and an answer has a maximum number of them. */
function logOf(messages: readonly StoredRecord[], most = 10) {
  const asked: string[][] = []
  const readLast: ReadLast = async (subjects, { from }) => {
    asked.push([...subjects])
    const found = messages.filter(({ subject }) =>
      subjects.some(wide => wide === subject || (wide.endsWith('>') && subject.startsWith(wide.slice(0, -1)))),
    )
    return found.length > most ? 'too many' : found.filter(({ sequence }) => sequence >= from)
  }
  return { asked, news: new NewMessages(readLast) }
}

test('all callers of one turn share a request, and each gets the result for its own subjects', async () => {
  const { asked, news } = logOf([stored('log.a', 5), stored('log.b.1', 7), stored('log.c', 3)])
  const answers = await Promise.all([
    news.of(['log.a', 'log.c'], 4, 9),
    news.of(['log.a'], 5, 9),
    news.of(['log.b.>', 'log.none'], 2, 8),
  ])
  assert.deepEqual(answers, [['log.a'], [], ['log.b.>']])
  assert.deepEqual(asked, [['log.a', 'log.c', 'log.b.>', 'log.none']])
})

test('a subject that matches too many topics counts as new, is requested once, and does not affect others', async () => {
  const { asked, news } = logOf(Array.from({ length: 20 }, (_, i) => stored(`log.wide.${i}`, 1)))
  const ask = () => Promise.all([news.of(['log.wide.>'], 4, 9), news.of(['log.a'], 4, 9), news.of(['log.b'], 4, 9)])
  assert.deepEqual(await ask(), [['log.wide.>'], [], []])
  assert.deepEqual(await ask(), [['log.wide.>'], [], []])
  assert.equal(asked.filter(subjects => subjects.includes('log.wide.>')).length, 2)
  assert.deepEqual(asked.at(-1), ['log.a', 'log.b'])
})

test('each subject counts as new if no replica is up to date', async () => {
  const news = new NewMessages(async () => 'behind')
  assert.deepEqual(await news.of(['log.a'], 4, 9), ['log.a'])
})

test('an error rejects all waiting calls, and the next call sends a new request', async () => {
  let isDown = true
  const news = new NewMessages(async () => {
    if (isDown) throw new Error('down')
    return []
  })
  const answers = await Promise.allSettled([news.of(['log.a'], 1, 2), news.of(['log.b'], 1, 2)])
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  isDown = false
  assert.deepEqual(await news.of(['log.a'], 1, 2), [])
})

test('a hundred sessions that missed nothing need one request, and none to the leader', async () => {
  const subjects = new ShardSubjects('test', 0)
  const asked: string[] = []
  const wire = new Proxy({} as Wire, {
    get: (_, operation: string) => async () => {
      asked.push(operation)
      return { records: [stored(subjects.fence('node'), 1)], upTo: 9 }
    },
  })
  const reader = new LogReader(wire, [{ stream: 's', subjects, anchor: subjects.fence('node') }], () => 0)
  const read = async (i: number) => {
    for await (const entry of reader.read(0, [`cmd/${i}`], 4, 9)) assert.fail(JSON.stringify(entry))
  }
  await Promise.all(Array.from({ length: 100 }, (_, i) => read(i)))
  assert.deepEqual(asked, ['lastOf'])
})
