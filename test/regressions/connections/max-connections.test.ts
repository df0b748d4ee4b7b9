/**
 * The limit of connections holds for clients that connect at the same time, and does not prevent a client from
 * reconnecting.
 */
import assert from 'node:assert/strict'
import { SpecClient } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const slowly = { authenticate: () => new Promise<boolean>(resolve => setImmediate(() => resolve(true))) }

spec(
  'clients that connect at once are not more than maxConnections',
  [4, 5],
  async ({ broker, version }) => {
    const clients = ['a', 'b', 'c'].map(clientId => ({ clientId, client: new SpecClient(broker, version) }))
    const connacks = await Promise.all(clients.map(({ clientId, client }) => client.connect({ clientId })))
    const accepted = connacks.filter(({ reasonCode, returnCode }) => (reasonCode ?? returnCode) === 0)
    assert.equal(accepted.length, 1)
    assert.equal(broker.connectedClients, 1)
  },
  { maxConnections: 1, ...slowly },
)

spec(
  'a client takes over from its own connection although the broker is full',
  [4, 5],
  async ({ broker, connect }) => {
    const first = await connect('same')
    await connect('same')
    await first.closed()
    assert.equal(broker.connectedClients, 1)
  },
  { maxConnections: 1 },
)
