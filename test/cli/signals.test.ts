/** Signals at any time, also while the broker is starting, and from a terminal that is closed. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { it } from 'node:test'
import { Signals } from '../../lib/cli/broker/signals.js'

const logger = { error() {}, warn() {}, info() {}, debug() {}, child: () => logger }

/** The signals, and what the process did. */
function signals({ hasTerminal = false } = {}) {
  const source = { process: new EventEmitter(), hasTerminal: () => hasTerminal }
  const made = new Signals(logger, source)
  const calls: string[] = []
  return {
    calls,
    send: (signal: NodeJS.Signals) => source.process.emit(signal, signal),
    closeTerminal: () => {
      hasTerminal = false
    },
    started: () => {
      made.stopWith(async () => void calls.push('stop'))
      made.reloadWith(() => calls.push('reload'))
    },
  }
}

it('SIGHUP reloads files, once for each signal', () => {
  for (const hasTerminal of [true, false]) {
    const { calls, send, started } = signals({ hasTerminal })
    started()
    assert.deepEqual(calls, [])
    send('SIGHUP')
    send('SIGHUP')
    assert.deepEqual(calls, ['reload', 'reload'])
  }
})

it('SIGHUP during start does not end the process, and takes effect after it', () => {
  const { calls, send, started } = signals()
  // with a listener, the process does not end
  assert.equal(send('SIGHUP'), true)
  assert.equal(send('SIGHUP'), true)
  started()
  assert.deepEqual(calls, ['reload'])
})

it('SIGHUP because the terminal was closed ends the broker', () => {
  const { calls, send, started, closeTerminal } = signals({ hasTerminal: true })
  started()
  closeTerminal()
  send('SIGHUP')
  assert.deepEqual(calls, ['stop'])
})

it('SIGINT and SIGTERM end the broker', () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { calls, send, started } = signals()
    started()
    send(signal)
    assert.deepEqual(calls, ['stop'])
  }
})
