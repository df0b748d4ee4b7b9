/** The tables of the documentation: rendered from results, and inserted at their places. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { blocksOf } from '../../bench/docs/blocks.js'
import { markdownTable, withBlocks } from '../../bench/docs/markdown.js'
import { DOCUMENTS, RESULTS } from '../../bench/docs/write.js'
import { condensed, machine, type Results, resultsOf, rowsOf } from '../../bench/report/results.js'
import { findScenario } from '../../bench/scenarios/index.js'
import { cellOf, type Row } from '../../bench/statistics.js'
import type { BrokerName, Sample } from '../../bench/types.js'

function row(name: string, samples: Partial<Record<BrokerName, Sample>>): Row {
  const cells = Object.entries(samples).map(([broker, sample]) => cellOf(broker as BrokerName, [sample]))
  return { scenario: findScenario(name), cells }
}

function results(...rows: Row[]): Results {
  const brokers = [...new Set(rows.flatMap(({ cells }) => cells.map(({ broker }) => broker)))]
  const circumstances = { effort: { seconds: 0.8, warmup: 0.5, scale: 1 }, repetitions: 3, brokers }
  return { ...resultsOf(rows, circumstances), machine: { ...machine, node: '20.0.0' } }
}

const pairs = row('command-qos0-pairs', {
  command: { cpu: 3.456789, lost: 0 },
  relay: { cpu: 4 },
  rumqttd: { cpu: 12.34, lost: 2 },
  aedes: { cpu: 123.4 },
})

describe('a table in Markdown', () => {
  it('has the layout of the formatter', () => {
    const lines = ['| a   | µs   |', '| --- | ---- |', '| bcd | 1.00 |', '| e   | –    |']
    assert.equal(
      markdownTable(
        ['a', 'µs'],
        [
          ['bcd', '1.00'],
          ['e', '–'],
        ],
      ),
      lines.join('\n'),
    )
  })
})

describe('blocks of a document', () => {
  const document = 'before\n\n<!-- measured: one -->\n\nold\n\nolder\n\n<!-- /measured -->\n\nafter\n'

  it('are replaced, and nothing else', () => {
    const written = withBlocks(document, { one: 'new' })
    assert.equal(written, 'before\n\n<!-- measured: one -->\n\nnew\n\n<!-- /measured -->\n\nafter\n')
    assert.equal(withBlocks(written, { one: 'new' }), written)
  })

  it('must have a known name', () => {
    assert.throws(() => withBlocks(document, { two: '' }), /one is none of two/)
  })
})

describe('blocks of the documentation', () => {
  it('have a column for each broker that took part, ratios, and the goals for them', () => {
    const lines = blocksOf(results(pairs)).command!.split('\n')
    assert.match(lines[0]!, /^\| +\| Anax \| relay \| rumqttd.* \| Aedes 1\.2 \| to relay +\| to rumqttd.* \|$/)
    assert.match(
      lines[2]!,
      /window 20 \(`command-qos0-pairs`\) \| 3\.46 \| 4\.00 +\| 12\.3 +\| 123 +\| 0\.86 \(1\) +\| 0\.28 \(0\.8\)/,
    )
  })

  it('mark the figures for which the load generator was busy all the time', () => {
    const hurried = row('command-qos0-pairs', {
      command: { cpu: 4, generator: 0.99 },
      relay: { cpu: 5, generator: 0.5 },
    })
    assert.match(blocksOf(results(hurried)).command!, /\| 4\.00\\\* \| 5\.00 /)
  })

  it('name the goals that were missed, and count the others', () => {
    const { goals } = blocksOf(results(pairs, row('command-qos0-single', { command: { cpu: 2 }, relay: { cpu: 1 } })))
    assert.match(goals!, /^Of 3 goals that were measured, 2 are reached\. These are missed:/)
    assert.match(goals!, /\| `command-qos0-single` \| µs, to relay \| 1\.2 +\| 2\.00 +\|$/)
  })

  it('report lost messages of any broker', () => {
    const { circumstances } = blocksOf(results(pairs))
    assert.match(circumstances!, /^Node\.js 20\.0\.0, .*Aedes 1\.2/)
    assert.match(circumstances!, /- `rumqttd` in `command-qos0-pairs`: 2 lost, 0 doubled or out of order$/)
  })

  it('are the same when they are made from the file', () => {
    const kept = condensed(results(pairs))
    const read: Results = JSON.parse(JSON.stringify(kept))
    assert.deepEqual(rowsOf(read)[0]!.cells[0]!.median, { cpu: 3.457, lost: 0 })
    assert.deepEqual(blocksOf(read), blocksOf(kept))
  })
})

describe('the documentation', () => {
  const isMeasured = existsSync(RESULTS) || `no ${RESULTS}`
  it('has the figures of the stored results', { skip: isMeasured !== true && isMeasured }, () => {
    const blocks = blocksOf(JSON.parse(readFileSync(RESULTS, 'utf8')))
    for (const file of DOCUMENTS) {
      const document = readFileSync(file, 'utf8')
      assert.equal(document, withBlocks(document, blocks), `${file}: node dist/bench/docs/main.js`)
    }
  })
})
