/** What the command listens to: no more than it writes, because a listener of each message costs a quarter of the work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { logEvents } from '../../lib/cli/log/event-log.js'
import { LOG_LEVELS, Logger } from '../../lib/cli/log/logger.js'
import { createBroker } from '../../lib/index.js'

const EVENTS = ['storeError', 'drop', 'client', 'publish'] as const

const LISTENED = {
  error: ['storeError'],
  warn: ['storeError', 'drop'],
  info: ['storeError', 'drop', 'client'],
  debug: ['storeError', 'drop', 'client', 'publish'],
}

for (const level of LOG_LEVELS) {
  test(`listens to no more than is written at level ${level}`, async () => {
    await using broker = await createBroker()
    logEvents(broker, new Logger(level))
    assert.deepEqual(
      EVENTS.filter(event => broker.listenerCount(event) > 0),
      LISTENED[level],
    )
  })
}
