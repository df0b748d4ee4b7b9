/** The states of a connection: all legal transitions, and no others. */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type ConnectionState, nextState } from '../../lib/connection/connection-state.js'

const STATES: ConnectionState[] = ['awaiting-connect', 'connecting', 'connected', 'closing', 'closed']
const LEGAL = new Set([
  'awaiting-connect connecting',
  'awaiting-connect closing',
  'connecting connected',
  'connecting closing',
  'connected closing',
  'closing closed',
])

for (const from of STATES) {
  for (const to of STATES) {
    if (LEGAL.has(`${from} ${to}`)) it(`${from} may become ${to}`, () => assert.equal(nextState(from, to), to))
    else it(`${from} may not become ${to}`, () => assert.throws(() => nextState(from, to), new RegExp(to)))
  }
}
