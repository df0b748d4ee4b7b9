/** The lines of the command's log: text for people, JSON for programs, without control characters of a terminal. */
import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { LineWriter } from '../../lib/cli/log/line-writer.js'
import { LineLogger, type LineLoggerOptions } from '../../lib/cli/log/logger.js'

function written(options: LineLoggerOptions, write: (logger: LineLogger) => void): string {
  const lines: string[] = []
  const replaced = mock.method(process.stderr, 'write', (line: string) => lines.push(line) > 0)
  try {
    const writer = new LineWriter()
    write(new LineLogger(options, writer))
    writer.flush()
  } finally {
    replaced.mock.restore()
  }
  return lines.join('').replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
}

const CAUSE = Object.assign(new Error('no space'), { stack: 'STACK' })

function lines(logger: LineLogger): void {
  const child = logger.child({ clientId: 'évil\u001b[2J\u202e', address: '::1' })
  child.info({ version: '5.0', username: undefined, keepalive: 0, clean: true }, 'client connected')
  child.debug({}, 'published')
  logger.error({ err: CAUSE, list: [{ topic: 'a b' }] }, 'store failed')
}

describe('a log line', () => {
  it('is text: time, level, what happened, and the fields', () => {
    assert.equal(
      written({ level: 'info', format: 'text' }, lines),
      'TIME info  client connected clientId="évil\\u001b[2J\\u202e" address=::1 version=5.0 keepalive=0 clean=true\n' +
        'TIME error store failed err="no space" list=[{"topic":"a b"}]\n',
    )
  })

  it('is a JSON object with the same fields', () => {
    const [first = '', second = ''] = written({ level: 'info', format: 'json' }, lines).trim().split('\n')
    assert.ok(!first.includes('\u001b') && !first.includes('\u202e'))
    const start = { time: 'TIME', level: 'info', msg: 'client connected', clientId: 'évil\u001b[2J\u202e' }
    assert.deepEqual(JSON.parse(first), { ...start, address: '::1', version: '5.0', keepalive: 0, clean: true })
    assert.deepEqual(JSON.parse(second), {
      ...{ time: 'TIME', level: 'error', msg: 'store failed' },
      ...{ err: { type: 'Error', message: 'no space', stack: 'STACK' }, list: [{ topic: 'a b' }] },
    })
  })

  it('escapes invisible characters, and cuts long values', () => {
    for (const format of ['text', 'json'] as const) {
      const line = written({ level: 'info', format }, logger => {
        logger.info({ clientId: 'a\u200bb\ufeffc\u00ad', topic: 'x'.repeat(1000), list: ['y'.repeat(1000)] }, 'client')
      })
      assert.ok(line.includes('a\\u200bb\\ufeffc\\u00ad'), line)
      assert.ok(line.includes(`${'x'.repeat(256)}…`) && line.includes(`${'y'.repeat(256)}…`), line)
      assert.ok(line.length < 700)
    }
  })

  it('is not written if its level is off', () => {
    assert.equal(
      written({ level: 'warn', format: 'text' }, logger => logger.info({}, 'x')),
      '',
    )
    assert.equal(
      written({ level: 'debug', format: 'text' }, logger => logger.debug({}, 'x')),
      'TIME debug x\n',
    )
  })
})

describe('the output of a log', () => {
  it('is collected for some milliseconds, or until something goes wrong', t => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const write = t.mock.method(process.stderr, 'write', () => true)
    const writes = () => write.mock.calls.map(call => String(call.arguments[0]).split('\n').length - 1)
    const logger = new LineLogger({ level: 'info', format: 'text' })
    logger.info({}, 'client connected')
    logger.child({ clientId: 'a' }).info({}, 'client disconnected')
    assert.deepEqual(writes(), [])
    t.mock.timers.tick(20)
    assert.deepEqual(writes(), [2])
    logger.info({}, 'client connected')
    logger.warn({}, 'connection refused')
    assert.deepEqual(writes(), [2, 2])
    t.mock.timers.tick(20)
    assert.deepEqual(writes(), [2, 2])
  })
})
