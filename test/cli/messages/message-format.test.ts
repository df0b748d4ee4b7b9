/** How `anax sub` prints a message: text, JSON and hexadecimal digits, to a pipe and to a terminal. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Form, formatMessage } from '../../../lib/cli/messages/message-format.js'
import { ReceivedMessage } from '../../../lib/client/index.js'
import type { PublishPacket } from '../../../types/message/packets.js'

const AT = Date.UTC(2030, 0, 2)

function printed(packet: Partial<PublishPacket>, form: Form, options: { topic?: true; terminal?: true } = {}): string {
  const defaults = {
    cmd: 'publish',
    topic: 'a/b',
    payload: Buffer.from('x'),
    qos: 0,
    retain: false,
    dup: false,
  } as const
  const message = new ReceivedMessage({ ...defaults, ...packet }, undefined)
  const { topic = false, terminal = false } = options
  return formatMessage(message, { form, withTopic: topic, isTerminal: terminal }, AT).toString('latin1')
}

function asJson(packet: Partial<PublishPacket>): Record<string, unknown> {
  const line = printed(packet, 'json')
  assert.match(line, /^[^\n]*\n$/)
  return JSON.parse(Buffer.from(line, 'latin1').toString())
}

describe('a message that anax sub prints', () => {
  it('is its unchanged payload, byte by byte', () => {
    assert.equal(printed({ payload: Buffer.from([0, 255, 27]) }, 'text'), '\x00\xff\x1b\n')
    assert.equal(printed({}, 'text', { topic: true }), 'a/b x\n')
    assert.equal(printed({ payload: Buffer.from([0, 255, 27]) }, 'hex', { topic: true }), 'a/b 00ff1b\n')
  })

  it('has no control characters on a terminal', () => {
    const payload = Buffer.from('\x1b]0;owned\x07\u202e\ttab')
    assert.equal(printed({ payload }, 'text', { terminal: true }), '\\u001b]0;owned\\u0007\\u202e\ttab\n')
    assert.equal(printed({ topic: '\x1b[2J' }, 'text', { topic: true, terminal: true }), '\\u001b[2J x\n')
    assert.match(printed({ payload: Buffer.from('"\x9b"') }, 'json', { terminal: true }), /"payload":"\\u009b"/)
  })

  it('is one line of JSON, which names the encoding of the payload', () => {
    const time = '2030-01-02T00:00:00.000Z'
    const head = { time, topic: 'a/b', qos: 0, retain: false }
    assert.deepEqual(asJson({}), { ...head, encoding: 'text', payload: 'x' })
    assert.deepEqual(asJson({ payload: Buffer.from([255]) }), { ...head, encoding: 'base64', payload: '/w==' })
    assert.deepEqual(asJson({ payload: Buffer.from('{\r\n "t": [1,\n2]}\n') }), {
      ...head,
      encoding: 'json',
      payload: { t: [1, 2] },
    })
    assert.deepEqual(asJson({ payload: Buffer.alloc(0) }), { ...head, encoding: 'text', payload: '' })
  })

  it('keeps every digit of a number', () => {
    assert.match(printed({ payload: Buffer.from('{"n":12345678901234567890}') }, 'json'), /"n":12345678901234567890\}/)
  })

  it('has the properties of MQTT 5.0', () => {
    const properties = {
      contentType: 'text/plain',
      correlationData: Buffer.from([1]),
      userProperties: { unit: ['C', 'K'] },
    }
    assert.deepEqual(asJson({ qos: 1, retain: true, dup: true, properties }), {
      time: '2030-01-02T00:00:00.000Z',
      topic: 'a/b',
      qos: 1,
      retain: true,
      dup: true,
      encoding: 'text',
      payload: 'x',
      properties: { contentType: 'text/plain', userProperties: { unit: ['C', 'K'] }, correlationData: 'AQ==' },
    })
  })
})
