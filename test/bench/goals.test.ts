/** The catalogue of scenarios and the goals: they match. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { checkGoals } from '../../bench/check.js'
import { goals } from '../../bench/goals.js'
import { scenarios } from '../../bench/scenarios/index.js'
import { cellOf } from '../../bench/statistics.js'

describe('scenarios', () => {
  it('have unique names', () => {
    const names = scenarios.map(({ name }) => name)
    assert.deepEqual(names, [...new Set(names)])
  })
})

describe('goals', () => {
  it('are about brokers that take part in their scenario', () => {
    for (const { scenario: name, to, of = 'anax' } of goals) {
      const found = scenarios.find(scenario => scenario.name === name)
      assert.ok(found, name)
      assert.ok(found.brokers.includes(of), `${name}: ${of}`)
      assert.ok(to === 'itself' || found.brokers.includes(to), `${name}: ${to}`)
    }
  })

  it('are reached, missed or not measured, listed by owner', () => {
    const scenario = scenarios.find(({ name }) => name === 'command-qos0-pairs')!
    const verdictsWith = (command: number) => {
      const cells = [cellOf('command', [{ cpu: command }]), cellOf('relay', [{ cpu: 4 }])]
      return checkGoals([{ scenario, cells }]).map(({ to, verdict }) => `${to}: ${verdict}`)
    }
    assert.deepEqual(verdictsWith(4), ['relay: reached', 'rumqttd: not measured'])
    assert.deepEqual(verdictsWith(4.1), ['relay: missed', 'rumqttd: not measured'])
  })
})
