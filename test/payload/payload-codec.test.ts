/** Values as payloads, with our own codecs and with three validators. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import { json, number, text } from '../../lib/index.js'
import { codecOf } from '../../lib/payload/payload-codec.js'

const refused = (detail: RegExp) => ({ code: 'ANAX_ERR_PAYLOAD', reasonCode: 0x99, message: detail })

describe('codecs', () => {
  it('json() encodes values', () => {
    const codec = json<{ a: number }>()
    assert.deepEqual(codec.decode(codec.encode({ a: 1 }) as Buffer), { a: 1 })
    assert.throws(() => codec.decode(Buffer.from('{')), refused(/it is no JSON$/))
    assert.throws(() => json<unknown>().encode(undefined), refused(/undefined cannot be written as JSON$/))
    assert.deepEqual(codec.properties, { payloadFormatIndicator: true, contentType: 'application/json' })
  })

  it('text() encodes UTF-8, and nothing else', () => {
    const codec = text()
    assert.equal(codec.decode(codec.encode('grün') as Buffer), 'grün')
    assert.equal(codec.decode(Buffer.from([0xef, 0xbb, 0xbf, 0x61])), '\ufeffa')
    assert.throws(() => codec.decode(Buffer.from([0xff])), refused(/it is not UTF-8$/))
  })

  it('number() encodes finite numbers', () => {
    const codec = number()
    for (const value of [0, -1.5, 1e21, 1e-7]) assert.equal(codec.decode(codec.encode(value) as Buffer), value)
    for (const wrong of ['', ' ', 'x', '0x10', 'NaN', 'Infinity', '1,5']) {
      assert.throws(() => codec.decode(Buffer.from(wrong)), refused(/is no number$/), wrong)
    }
    assert.throws(() => codec.encode(Number.NaN), refused(/NaN is no finite number$/))
  })

  it('are distinguished from other values', () => {
    for (const wrong of [undefined, null, {}, 'json', () => {}]) {
      assert.throws(() => codecOf(wrong), { code: 'ANAX_ERR_ARGUMENT' })
    }
  })
})

const VALIDATORS = {
  zod: z.object({ at: z.object({ celsius: z.number() }) }),
  valibot: v.object({ at: v.object({ celsius: v.number() }) }),
  arktype: type({ at: { celsius: 'number' } }),
}

for (const [name, schema] of Object.entries(VALIDATORS)) {
  describe(`a schema of ${name}`, () => {
    const codec = codecOf(schema)

    it('accepts valid values, both ways', async () => {
      const value = { at: { celsius: 21.5 } }
      const payload = await codec.encode(value)
      assert.equal(payload.toString(), '{"at":{"celsius":21.5}}')
      assert.deepEqual(await codec.decode(payload), value)
    })

    it('refuses invalid ones, and names the path', async () => {
      const wrong = { at: { celsius: 'warm' } }
      const decode = async () => codec.decode(Buffer.from(JSON.stringify(wrong)))
      const encode = async () => codec.encode(wrong as never)
      for (const call of [decode, encode]) await assert.rejects(call, refused(/: at\.celsius: .*number/i))
    })
  })
}

describe('a validator', () => {
  it('that transforms values passes its output to readers, and sends its input', async () => {
    const codec = codecOf(z.string().transform(text => text.length))
    const payload = await codec.encode('four')
    assert.equal(payload.toString(), '"four"')
    assert.equal(await codec.decode(payload), 4)
  })

  it('may be asynchronous', async () => {
    const codec = codecOf(z.string().refine(async text => text === 'ok'))
    assert.equal(await codec.decode(Buffer.from('"ok"')), 'ok')
    await assert.rejects(async () => codec.decode(Buffer.from('"no"')), { code: 'ANAX_ERR_PAYLOAD' })
  })
})
