/**
 * Short forms of some attacks: a fault that took half a second of CPU time in one turn of the event loop takes a
 * fraction of that. The bounds allow for a busy machine; `npm run attack` checks the real ones.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { byEffort } from '../support/effort.js'
import { attack } from './attack.js'
import { burstTo200 } from './scenarios/messages/burst.js'
import { noAcknowledgements } from './scenarios/messages/no-acknowledgements.js'
import { filters } from './scenarios/storage/filters.js'
import { matching } from './scenarios/storage/matching.js'

/** CPU time of one turn, in milliseconds. */
const BOUND_MS = 80

const BURST = { scenario: burstTo200, scale: 0.4 }

/** The other attacks take too long for each run of the tests. */
const SHORT_FORMS = byEffort({
  fast: [BURST],
  normal: [BURST],
  full: [
    BURST,
    { scenario: matching, scale: 0.15 },
    { scenario: noAcknowledgements, scale: 0.1 },
    { scenario: filters, scale: 0.02 },
  ],
})

describe('an attack', () => {
  for (const { scenario, scale } of SHORT_FORMS) {
    it(`does not block the event loop, and loses no messages of others: ${scenario.name}`, async () => {
      const { turnMs = 0, lost } = await attack(scenario, scale)
      assert(turnMs <= BOUND_MS, `${turnMs.toFixed(1)} ms of CPU time in one turn`)
      assert.equal(lost, 0)
    })
  }
})
