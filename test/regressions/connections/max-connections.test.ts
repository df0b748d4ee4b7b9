/**
 * The limit of connections holds for clients that connect at the same time, and does not prevent a client from
 * reconnecting.
 */
import assert from 'node:assert/strict'
import { SpecClient } from '../../support/clients/spec-client.js'
import { spec } from '../../support/spec.js'

const slowly = { authenticate: () => new Promise<boolean>(resolve => setImmediate(() => resolve(true))) }

spec(
  'simultaneous connections do not exceed maxConnections',
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
  'a client may take over its own connection if maxConnections is reached',
  [4, 5],
  async ({ broker, connect }) => {
    const first = await connect('same')
    await connect('same')
    await first.closed()
    assert.equal(broker.connectedClients, 1)
  },
  { maxConnections: 1 },
)
