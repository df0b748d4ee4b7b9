/** A node with a wrong clock reports it at the start, and once a minute. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ClockCheck } from '../../../lib/nats/nodes/clock-check.js'

const HOUR = 3_600_000

/** What is reported of a clock, after some renewals that took two seconds each. */
async function reportsOf(clockIsAhead: number, renewals = 1): Promise<number[]> {
  const reports: number[] = []
  const serverTime = 1_800_000_000_000
  const check = new ClockCheck({
    read: async () => ({ subject: 's', sequence: 1, body: Buffer.alloc(0), time: serverTime }),
    wrong: aheadMs => reports.push(aheadMs),
    failed: error => assert.fail(error),
  })
  for (let i = 0; i < renewals; i++) {
    check.renewed(serverTime + clockIsAhead - 1000, serverTime + clockIsAhead + 1000)
    await nextTurn()
  }
  return reports
}

test('a clock that is right, or a few seconds off, is not reported', async () => {
  for (const ahead of [0, 900, -900, 5000, -5000]) assert.deepEqual(await reportsOf(ahead), [])
})

test('a clock that is an hour off is reported', async () => {
  assert.deepEqual([...(await reportsOf(HOUR)), ...(await reportsOf(-HOUR))], [HOUR - 1000, 1000 - HOUR])
})

test('a wrong clock is reported at most once a minute', async () => {
  assert.equal((await reportsOf(HOUR, 48)).length, 2)
})
