/** The comparison of two checkouts: order of measurements, rows, bounds and faults, with invented measurements. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compare, exceeded, faultsOf, measurePairs, overall } from '../../bench/against/comparison.js'
import { comparisonTable } from '../../bench/against/run.js'
import { type Sample, scenario } from '../../bench/types.js'

const messages = scenario({ name: 'messages', title: '', section: 'messages', run: async () => ({}) })
const latency = scenario({ ...messages, name: 'latency', headline: 'p99' })

const TEN = { least: 10, most: 10 }

/** This checkout takes `ratio` times what the other one takes. */
async function measured(ratio: number, sample: (value: number) => Sample = value => ({ cpu: value })) {
  const rows = await measurePairs([messages], TEN, async (_, side) => sample(side === 'this' ? 10 * ratio : 10))
  return rows[0]!
}

describe('pairs', () => {
  it('are measured in turns, A B B A, all scenarios in each round', async () => {
    const turns: string[] = []
    await measurePairs([messages, latency], { least: 2, most: 2 }, async ({ name }, side) => {
      turns.push(`${name} ${side}`)
      return {}
    })
    assert.deepEqual(turns, [
      'messages other',
      'messages this',
      'latency other',
      'latency this',
      'messages this',
      'messages other',
      'latency this',
      'latency other',
    ])
  })
})

describe('the number of pairs', () => {
  /** The number of pairs for a row whose ratios alternate by this much. */
  async function countWith(spread: number): Promise<number> {
    const rows = await measurePairs([messages], { least: 10, most: 30 }, async (_, side, pair) => ({
      cpu: side === 'this' ? 10 * (1 + (pair % 2 === 0 ? spread : -spread)) : 10,
    }))
    return rows[0]!.pairs.length
  }

  it('is the minimum if they agree, the maximum if they never do, and otherwise grows until the interval is narrow', async () => {
    assert.equal(await countWith(0), 10)
    assert.equal(await countWith(0.2), 30)
    const between = await countWith(0.012)
    assert.ok(between > 10 && between < 30, `${between}`)
  })
})

describe('a comparison', () => {
  it('has the medians of both sides and the ratio of this checkout to the other', async () => {
    const comparison = compare(await measured(1.5))!
    assert.deepEqual(comparison.median, { this: 15, other: 10 })
    const { middle, low, high } = comparison.ratio
    for (const value of [middle, low, high]) assert.ok(Math.abs(value - 1.5) < 1e-9, `${value}`)
    assert.equal(comparison.count, 10)
  })

  it('compares CPU time if there is any, and otherwise the main value of the scenario', async () => {
    assert.equal(compare(await measured(1))!.metric, 'cpu')
    const [row] = await measurePairs([latency], { least: 1, most: 1 }, async () => ({ p99: 2 }))
    assert.equal(compare(row!)!.metric, 'p99')
  })

  it('leaves out pairs without a value, and rows without a pair', async () => {
    const row = await measured(1)
    row.pairs[0]!.this = { failure: 'cannot start', cause: 'broker' }
    assert.equal(compare(row)!.count, 9)
    assert.deepEqual(faultsOf(row), ['messages, this: cannot start'])
    assert.equal(compare(await measured(1, () => ({}))), undefined)
  })

  it('reports lost and duplicate messages on either side', async () => {
    const row = await measured(1, cpu => ({ cpu, lost: cpu > 10 ? 1 : 0 }))
    assert.deepEqual(faultsOf(row), [])
    row.pairs[3]!.other = { cpu: 10, lost: 2, doubled: 1 }
    assert.deepEqual(faultsOf(row), ['messages, other: 2 lost, 1 doubled'])
  })

  it('passes up to a row of 1.03 and a geometric mean of 1.01', async () => {
    const cheap = compare(await measured(0.99))!
    const dear = compare(await measured(1.029))!
    assert.deepEqual(exceeded([cheap, dear]), [])
    assert.match(exceeded([dear]).join(), /^geometric mean: 1\.029/)
    assert.match(exceeded([cheap, compare(await measured(1.031))!]).join(), /^messages: up to 1\.031/)
    assert.ok(Math.abs(overall([cheap, dear]).middle - Math.sqrt(0.99 * 1.029)) < 1e-12)
  })

  it('is printed as a table', async () => {
    const lines = comparisonTable([compare(await measured(1.5))!]).split('\n')
    assert.match(lines[1]!, /^messages +µs +10 +10\.00 +15\.00 +1\.500 +1\.500 +1\.500$/)
    assert.match(lines[2]!, /^geometric mean +1\.500 +1\.500 +1\.500$/)
  })
})
