/** How a measured cost is divided among the parts of the broker, which results are doubtful, and how it is shown. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Budget, budgetOf, budgetTable, findDoubts, type Observation } from '../../bench/profile/budget.js'
import { budgetChart } from '../../bench/profile/chart.js'
import type { PartName } from '../../bench/profile/parts.js'

const scenario = { name: 'qos0-pairs', title: 'QoS 0, 50 pairs', unit: 'delivery' }

/** 10 µs, of which 2 are other threads'; a quarter of the main thread's samples are the garbage collector's. */
const observation: Observation = {
  cpu: 10,
  otherThreads: 0.2,
  functions: [
    { name: '(garbage collector)', url: '', micros: 500 },
    { name: 'push', url: 'node:internal/streams/readable', micros: 1000 },
    { name: 'emit', url: 'node:events', micros: 500 },
  ],
  presence: 1,
}

function observed(change: Partial<Observation>): Budget {
  return budgetOf(scenario, 'anax', { ...observation, ...change })
}

function microsOf(budget: Budget, part: PartName): number {
  return budget.micros.find(one => one.part === part)!.micros
}

function withUnknown(micros: number): Partial<Observation> {
  return { functions: [...observation.functions, { name: 'f', url: 'file:///x.js', micros }] }
}

describe('a budget', () => {
  it("divides the main thread's time by its samples, and lists the other threads' separately", () => {
    const budget = observed({})
    assert.equal(microsOf(budget, 'garbage collector'), 2)
    assert.equal(microsOf(budget, 'Node.js: streams, events'), 6)
    assert.equal(microsOf(budget, "V8's other threads"), 2)
    assert.equal(microsOf(budget, 'decoder'), 0)
  })

  it('adds up to what was measured', () => {
    const sum = observed(withUnknown(700)).micros.reduce((total, { micros }) => total + micros, 0)
    assert.ok(Math.abs(sum - observation.cpu) < 1e-9)
  })

  it('shows time that belongs to no part', () => {
    assert.equal(microsOf(observed(withUnknown(2000)), 'other'), 4)
  })

  it('is trusted if nearly all time belongs to a part and no other process used the core', () => {
    assert.deepEqual(findDoubts([observed(withUnknown(100))]), [])
  })

  it('is not trusted if more than a twentieth of the time belongs to no part', () => {
    assert.deepEqual(findDoubts([observed(withUnknown(500))]), [
      'qos0-pairs, anax: 20 % of the time belongs to no part',
    ])
  })

  it('is not trusted if other processes used the core', () => {
    assert.deepEqual(findDoubts([observed({ presence: 0.5 })]), [
      'qos0-pairs, anax: other processes had the core, it ran for 50 % of the time it was ready to',
    ])
  })
})

describe('the table of budgets', () => {
  const lines = budgetTable([observed({}), budgetOf(scenario, 'relay', { ...observation, cpu: 5 })]).split('\n')

  it('has a column for each broker in each scenario', () => {
    assert.match(lines[0]!, /^ +qos0-pairs +qos0-pairs$/)
    assert.match(lines[1]!, /^ +anax +relay$/)
  })

  it('has a line for each part, other included, and the sum', () => {
    assert.ok(lines.some(line => /^garbage collector +2\.00 +1\.00$/.test(line)))
    assert.ok(lines.some(line => /^other +- +-$/.test(line)))
    assert.match(lines.at(-1)!, /^sum +10\.00 +5\.00$/)
  })
})

describe('the picture of budgets', () => {
  it('puts the brokers of a scenario side by side', () => {
    const svg = budgetChart([observed({}), budgetOf(scenario, 'relay', observation)])
    assert.equal(svg.split('>QoS 0, 50 pairs<').length, 2)
    assert.match(svg, />Anax<[\s\S]*>bare relay</)
  })
})
