/** An answer of several messages is accepted only if it is complete. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { headers as noHeaders } from '@nats-io/transport-node'
import { RefusedRequest, ServerError, Wire } from '../../../lib/nats/wire/wire.js'

/** A connection that remains open, and on which nothing fails. */
const STAYS = { closed: () => new Promise<void>(() => {}), status: () => [] } as unknown as NatsConnection

/** A connection on which each question gets the same messages. */
function answering(answers: readonly Record<string, string | number>[]): NatsConnection {
  let take: (error: null, message: Msg) => void
  return {
    ...STAYS,
    subscribe(_: string, { callback }: { callback: typeof take }) {
      take = callback
    },
    publish(_: string, __: string, { reply }: { reply: string }) {
      for (const answer of answers) take(null, messageOf(answer, reply))
    },
  } as unknown as NatsConnection
}

function messageOf({ code, ...values }: Record<string, string | number>, subject: string): Msg {
  const headers = code === undefined ? noHeaders() : noHeaders(Number(code), 'end')
  for (const [name, value] of Object.entries(values)) headers.set(name, String(value))
  return { subject, headers, data: new Uint8Array(0) } as unknown as Msg
}

const record = (sequence: number, before: number) => ({
  'Nats-Subject': 'a',
  'Nats-Sequence': sequence,
  'Nats-Last-Sequence': before,
})
const end = (before: number) => ({ code: 204, 'Nats-Last-Sequence': before })

function read(answers: readonly Record<string, string | number>[]) {
  const wire = new Wire(answering(answers), { headers: noHeaders, createInbox: () => 'inbox', api: '$JS.API' })
  return wire.nextOf('stream', 1, 'a')
}

test('a complete answer is accepted', async () => {
  const records = await read([record(2, 0), record(5, 2), end(5)])
  assert.deepEqual(
    records.map(({ sequence }) => sequence),
    [2, 5],
  )
  assert.deepEqual(await read([{ code: 404 }]), [])
})

for (const [what, answers] of [
  ['the first', [record(5, 2), end(5)]],
  ['one in the middle', [record(2, 0), record(8, 5), end(8)]],
  ['the last', [record(2, 0), end(5)]],
] as const) {
  test(`an answer without ${what} of its messages is refused`, async () => {
    await assert.rejects(read(answers), /has a gap/)
  })
}

test('all reads share one subscription; if the server refuses it they fail, and the next read makes a new one', async () => {
  const calls: ((error: Error | null, message: Msg) => void)[] = []
  const replies: string[] = []
  const connection = {
    ...STAYS,
    subscribe: (_: string, { callback }: { callback: (typeof calls)[number] }) => calls.push(callback),
    publish: (_: string, __: string, { reply }: { reply: string }) => replies.push(reply),
  } as unknown as NatsConnection
  let inboxes = 0
  const wire = new Wire(connection, {
    headers: noHeaders,
    createInbox: () => `inbox${++inboxes}`,
    api: '$JS.API',
  })
  const reads = [1, 2].map(from => wire.nextOf('stream', from, 'a'))
  assert.deepEqual(replies, ['inbox1.1', 'inbox1.2'])
  calls[0]!(null, messageOf({ code: 404 }, 'inbox1.2'))
  assert.deepEqual(await reads[1], [])
  calls[0]!(new Error('not permitted'), undefined as never)
  await assert.rejects(reads[0]!, /not permitted/)
  const later = wire.nextOf('stream', 1, 'a')
  calls[1]!(null, messageOf({ code: 404 }, replies.at(-1)!))
  assert.deepEqual([await later, replies.at(-1)], [[], 'inbox2.3'])
})

test('a write that the server does not permit fails immediately, and so do open requests of a closed connection', async () => {
  const refused = Object.assign(new Error('not permitted'), { operation: 'publish', subject: 'b' })
  let close = (_: Error | undefined) => {}
  let refuse = () => {}
  const connection = {
    subscribe() {},
    publish: (subject: string) => subject === 'b' && refuse(),
    closed: () => new Promise<Error | undefined>(resolve => (close = resolve)),
    async *status() {
      await new Promise<void>(resolve => (refuse = resolve))
      yield { type: 'error', error: refused }
    },
  } as unknown as NatsConnection
  const wire = new Wire(connection, { headers: noHeaders, createInbox: () => 'inbox', api: '$JS.API' })
  const [one, other] = ['a', 'b'].map(subject => write(wire, subject))
  await assert.rejects(other!, refused)
  close(undefined)
  await assert.rejects(one!, /closed/)
})

test('a write that no stream receives fails as one that may be tried again', async () => {
  const connection = {
    ...STAYS,
    subscribe: (_: string, { callback }: { callback: (error: null, message: Msg) => void }) => {
      queueMicrotask(() => callback(null, messageOf({ code: 503 }, 'inbox.1')))
    },
    publish() {},
  } as unknown as NatsConnection
  const wire = new Wire(connection, { headers: noHeaders, createInbox: () => 'inbox', api: '$JS.API' })
  await assert.rejects(
    write(wire, 'a'),
    (error: unknown) => error instanceof RefusedRequest && error.is(ServerError.Busy),
  )
})

function write(wire: Wire, subject: string) {
  return wire.write({ subject, body: new Uint8Array(0), ttl: undefined, replaces: false }, {}, 5000)
}

test('requests on a connection that breaks fail immediately', async () => {
  let breaks = () => {}
  const broken = new Promise<void>(resolve => {
    breaks = resolve
  })
  async function* status() {
    await broken
    yield { type: 'disconnect' }
  }
  const connection = { ...STAYS, status, subscribe() {}, publish() {} } as unknown as NatsConnection
  const wire = new Wire(connection, { headers: noHeaders, createInbox: () => 'inbox', api: '$JS.API' })
  const outcomes = Promise.all(
    [wire.nextOf('stream', 1, 'a'), wire.end('stream')].map(asked => assert.rejects(asked, /connection has broken/)),
  )
  breaks()
  await outcomes
})
