/**
 * Wills that outlive the process: after a restart, they are checked with the identity of their client, or not
 * published.
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { after, describe, it } from 'node:test'
import { type Auth, aclFile, allow, byListener, compose, custom, deny, passwordFile } from '../../../lib/auth/index.js'
import { createBroker, createMemoryPersistence } from '../../../lib/index.js'
import { createLmdbPersistence } from '../../../lib/persistence/lmdb/lmdb.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import type { ConnectionDetails } from '../../../types/client/client.js'
import type { AedesPersistence } from '../../../types/persistence.js'
import { temporaryFolder } from '../../support/tls/certificate.js'
import { denialsOf, enter, type Login, quickHash } from '../support.js'

const folder = temporaryFolder()
after(() => folder.remove())

interface Leaver extends Login {
  topic: string
  details?: ConnectionDetails
}

/** A store in memory that outlives its broker. */
function reopened(): () => AedesPersistence {
  const store = Object.assign(createMemoryPersistence(), { destroy: async () => {} })
  return () => store
}

/**
 * Clients leave delayed wills; restarts the broker on its store with another `Auth`, and waits until the wills are due.
 * @returns the published topics, and the denials
 */
async function afterRestart(
  before: Auth,
  now: Auth,
  leavers: readonly Leaver[],
  { open = reopened(), lose = false } = {},
) {
  const clock = new FakeClock()
  const close = async (broker: Awaited<ReturnType<typeof createBroker>>) => {
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  }
  const earlier = await createBroker({ ...before, clock, persistence: open() })
  if (lose) {
    earlier.preConnect = client =>
      Object.defineProperty(client, 'claims', { get: () => undefined, set() {} }) === client
  }
  for (const { topic, details, ...who } of leavers) {
    const will = {
      topic,
      payload: Buffer.from('x'),
      qos: 0 as const,
      retain: false,
      properties: { willDelayInterval: 1000 },
    }
    const packet = { will, properties: { sessionExpiryInterval: 5000 } }
    const listening = { handle: (stream: Duplex) => earlier.handle(stream, undefined, details) }
    await (await enter(listening, { ...who, packet })).drop()
  }
  await close(earlier)
  const denials = denialsOf(now)
  const later = await createBroker({ ...now, clock, persistence: open() })
  const published: string[] = []
  later.on('publish', ({ topic }) => published.push(topic))
  await clock.advance(2_000_000)
  await close(later)
  return { published: published.sort(), denials: denials.sort() }
}

describe('a will that is due after a restart', () => {
  it('is checked with the roles, attributes and rules of its identity, also those that deny', async () => {
    const identities = {
      guest: { roles: ['guest'], attributes: { tenant: 'acme' } },
      token: { rules: [{ permission: 'allow', action: 'publish', filter: 'own/%c' }] as const },
    }
    const known = custom(({ username = '' }) => ({ username, ...identities[username as keyof typeof identities] }))
    const rules = aclFile({
      everyone: [allow({ publish: 'rooms/#' })],
      roles: { guest: [deny({ publish: 'rooms/safe' }), allow({ publish: 'tenants/%{tenant}/#' })] },
    })
    const auth = () => compose([known, rules])
    const leavers = ['rooms/hall', 'rooms/safe', 'tenants/acme/x', 'tenants/other/x'].map((topic, index) => ({
      ...{ username: 'guest', clientId: `guest-${index}`, topic },
    }))
    leavers.push(
      { username: 'token', clientId: 'one', topic: 'own/one' },
      { username: 'token', clientId: 'two', topic: 'rooms/two' },
    )
    assert.deepEqual(
      await afterRestart(auth(), auth(), leavers, { open: () => createLmdbPersistence({ path: folder.path }) }),
      {
        published: ['own/one', 'rooms/hall', 'tenants/acme/x'],
        denials: ['publish no-rule rooms/two', 'publish no-rule tenants/other/x', 'publish rule-denies rooms/safe'],
      },
    )
  })

  it('is not published if its user was deleted', async () => {
    const rules = aclFile({ everyone: [allow({ publish: '#' })] })
    const hashes = { alice: quickHash('x'), bob: quickHash('x') }
    const before = compose([passwordFile(hashes), rules])
    const now = compose([passwordFile({ bob: hashes.bob }), rules])
    const leavers = ['alice', 'bob'].map(username => ({ username, password: 'x', topic: `of/${username}` }))
    assert.deepEqual(await afterRestart(before, now, leavers), {
      published: ['of/bob'],
      denials: ['publish credentials-withdrawn of/alice'],
    })
  })

  it('is checked by the module of the listener to which its client connected', async () => {
    const open = (publish: string) =>
      compose([custom(({ username }) => ({ username })), aclFile({ everyone: [allow({ publish })] })])
    const auth = () => byListener({ public: open('public/#'), staff: open('staff/#') })
    const leavers = ['public', 'staff'].flatMap(listener =>
      ['public', 'staff'].map(name => ({
        ...{ username: 'x', clientId: `${listener}-${name}`, topic: `${name}/of-${listener}`, details: { listener } },
      })),
    )
    assert.deepEqual(await afterRestart(auth(), auth(), leavers), {
      published: ['public/of-public', 'staff/of-staff'],
      denials: ['publish no-rule public/of-staff', 'publish no-rule staff/of-public'],
    })
  })

  it('is not published if the store does not have its publisher', async () => {
    const auth = () =>
      compose([custom(({ username }) => ({ username })), aclFile({ everyone: [allow({ publish: '#' })] })])
    assert.deepEqual(await afterRestart(auth(), auth(), [{ username: 'a', topic: 'w' }], { lose: true }), {
      published: [],
      denials: ['publish identity-unknown w'],
    })
  })
})
