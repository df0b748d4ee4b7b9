/** The part of the budget that a function belongs to; the table of parts matches the existing files. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { type PartName, partOf, parts } from '../../bench/profile/parts.js'
import { ROOT } from '../support/root.js'

const COMPILED = new URL('../../', import.meta.url).href

const examples: [name: string, url: string, part: PartName][] = [
  ['next', `${COMPILED}lib/codec/decode/decoder.js`, 'decoder'],
  ['encodePublish', `${COMPILED}lib/codec/encode/publish.js`, 'encoder and outbox'],
  ['flush', `${COMPILED}lib/connection/stream/outbox.js`, 'encoder and outbox'],
  ['run', `${COMPILED}lib/util/scheduling/pipeline.js`, 'pipeline: checks, hooks, publisher'],
  ['receivePublish', `${COMPILED}lib/connection/handlers/publish.js`, 'pipeline: checks, hooks, publisher'],
  ['publish', `${COMPILED}lib/routing/bus/local-bus.js`, 'bus: mqemitter and our end of it'],
  ['emit', 'file:///somewhere/node_modules/mqemitter/mqemitter.js', 'bus: mqemitter and our end of it'],
  ['route', `${COMPILED}lib/routing/router.js`, 'routing and delivery'],
  ['send', `${COMPILED}lib/session/sender.js`, 'routing and delivery'],
  ['#onData', `${COMPILED}lib/connection/connection.js`, 'connection, timers, WebSocket'],
  ['enqueue', `${COMPILED}lib/persistence/memory/memory.js`, 'store'],
  ['parse', `${COMPILED}bench/brokers/relay.js`, 'relay'],
  ['FastBuffer', '', 'buffers: views, copies, text'],
  ['subarray', 'node:buffer', 'buffers: views, copies, text'],
  ['(garbage collector)', '', 'garbage collector'],
  ['(program)', '', 'Node.js: streams, events'],
  ['push', 'node:internal/streams/readable', 'Node.js: streams, events'],
  ['writeBuffer', '', 'sockets: read, write, TLS'],
  ['(polling)', '', 'sockets: read, write, TLS'],
  ['serve', `${COMPILED}bench/brokers/serve.js`, 'other'],
  ['f', 'file:///somewhere/node_modules/left-pad/index.js', 'other'],
  ['f', 'file:///somewhere/else/lib/codec/decode/decoder.js', 'other'],
]

/** Whether a package, or a source file of the repository, has this prefix. */
function exists(beginning: string): boolean {
  const path = join(ROOT, beginning)
  return beginning.endsWith('/')
    ? existsSync(path)
    : readdirSync(dirname(path)).some(file => file.startsWith(basename(path)))
}

describe('the parts of the budget', () => {
  for (const [name, url, part] of examples) {
    it(`have ${name} of ${url.replace(COMPILED, '') || 'Node.js itself'} in: ${part}`, () => {
      assert.equal(partOf(name, url), part)
    })
  }

  it('name existing files only', () => {
    const ours = parts
      .flatMap(({ functions }) => [...functions])
      .filter(text => /^(lib|bench|node_modules)\//.test(text))
    assert.ok(ours.length > 20)
    assert.deepEqual(
      ours.filter(text => !exists(text)),
      [],
    )
  })

  it('do not overlap', () => {
    const all = parts.flatMap(({ functions }) => [...functions])
    assert.equal(new Set(all).size, all.length)
  })

  it('have different names', () => {
    assert.equal(new Set(parts.map(({ name }) => name)).size, parts.length)
    assert.equal(new Set(parts.map(({ colour }) => colour)).size, parts.length)
  })
})
