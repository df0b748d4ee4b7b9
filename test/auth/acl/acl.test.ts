/** Rights in a broker: files and typed rules, from publish to delivery, reload, revocation, explanations. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import { aclFile, allow, anonymous, byListener, byPort, byTransport, deny } from '../../../lib/auth/index.js'
import { covers, matches, overlap } from '../../../lib/auth/util/topics.js'
import { filterMatches } from '../../../lib/topic/topic.js'
import type { QoS } from '../../../types/message/packets.js'
import { runs } from '../../support/effort.js'
import { temporaryFolder } from '../../support/tls/certificate.js'
import { denialsOf, enter, withAuth } from '../support.js'

const folder = temporaryFolder()
after(() => folder.remove())

const at = (topic: string, qos: QoS = 1) => ({ topic, qos })
const payload = Buffer.from('x')

describe('the relation of two filters', () => {
  const level = fc.constantFrom('a', 'b', '', '$a')
  const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map(levels => levels.join('/'))
  const filter = fc
    .tuple(fc.array(fc.oneof(level, fc.constant('+')), { minLength: 0, maxLength: 3 }), fc.boolean())
    .map(([levels, open]) => [...levels, ...(open || levels.length === 0 ? ['#'] : [])].join('/'))

  it('is consistent with the matching of the broker', () => {
    const property = fc.property(filter, filter, topic, (one, other, name) => {
      const [first, second] = [filterMatches(one, name), filterMatches(other, name)]
      assert.equal(matches(one, name), first, `${one} matches ${name}`)
      if (covers(one, other) && second) assert.ok(first, `${one} covers ${other}, and not ${name}`)
      if (first && second) assert.ok(overlap(one, other), `${one} and ${other} both match ${name}`)
    })
    fc.assert(property, { numRuns: runs(2000) })
  })
})

describe('an ACL file', () => {
  const file = (content: string) => folder.write('acl.txt', content)

  it('is refused with the line of the error', () => {
    for (const [content, line] of [
      ['topic read a\ntopic read a # b', 2],
      ['user\n', 1],
      ['topic write\nfoo bar', 2],
    ] as const) {
      assert.throws(() => aclFile(file(content)), {
        code: 'ANAX_ERR_OPTION',
        message: new RegExp(`acl\\.txt line ${line}: `),
      })
    }
    assert.throws(() => aclFile(file(''), { widerFilter: 'refuse' }), { code: 'ANAX_ERR_OPTION' })
  })

  it('grants every subscription and filters live, retained, queued and shared messages at delivery', async () => {
    const auth = aclFile(file('user alice\ntopic read open/#\ntopic deny open/secret\nuser root\ntopic #\n'))
    await withAuth(auth, async broker => {
      const root = await enter(broker, { username: 'root' })
      for (const topic of ['open/kept', 'open/secret', 'closed'])
        await root.publish({ topic, qos: 1, payload, retain: true })
      const packet = { clean: false, properties: { sessionExpiryInterval: 100 } }
      const alice = await enter(broker, { username: 'alice', packet })
      assert.deepEqual(await alice.subscribe(at('#'), at('$share/group/#')), [1, 1])
      assert.equal((await alice.expect('publish')).topic, 'open/kept')
      await root.publish({ topic: 'open/secret', qos: 1, payload })
      await root.publish({ topic: 'open/live', qos: 1, payload })
      const live = [await alice.expect('publish'), await alice.expect('publish')]
      assert.deepEqual(
        live.map(({ topic }) => topic),
        ['open/live', 'open/live'],
      )
      for (const { messageId } of live) alice.send({ cmd: 'puback', messageId: messageId! })
      await alice.expectNothing()
      await alice.drop()
      for (const topic of ['closed', 'open/secret', 'open/queued']) await root.publish({ topic, qos: 1, payload })
      const again = await enter(broker, { username: 'alice', packet })
      const topics = new Set((await again.settle()).map(received => 'topic' in received && received.topic))
      assert.deepEqual(
        [...topics].filter(topic => topic !== 'open/kept' && topic !== 'open/live'),
        ['open/queued'],
      )
    })
  })

  it('acknowledges a denied publish of 3.1.1 and drops it, and refuses one of 5.0', async () => {
    const auth = aclFile(file('user alice\ntopic read #\n'))
    await withAuth(auth, async broker => {
      for (const version of [4, 5] as const) {
        const client = await enter(broker, { username: 'alice', version })
        await client.subscribe(at('#', 0))
        for (const qos of [1, 2] as const) {
          assert.equal(await client.publish({ topic: 'a', qos, payload }), version === 5 ? 0x87 : 0)
        }
        await client.expectNothing()
        await client.drop()
      }
    })
    // typed rules close the connection instead: otherwise such a client would never know
    await withAuth(aclFile({}), async broker => {
      const client = await enter(broker, { username: 'alice', version: 4 })
      client.send({ cmd: 'publish', topic: 'a', payload, qos: 1, messageId: 1, dup: false, retain: false })
      await client.expectDisconnect(0)
    })
  })

  it('withholds, after a reload, retained messages whose publisher may no longer write there', async () => {
    const rules = (bob: string) =>
      `user alice\ntopic read #\nuser bob\ntopic ${bob}\nuser carol\ntopic a/#\npattern write %c/#`
    const auth = aclFile(file(rules('a/#')))
    const denials = denialsOf(auth)
    await withAuth(auth, async broker => {
      const names = { 'a/1': ['bob', 'b'], 'a/2': ['carol', 'c'], 'b/1': ['bob', 'b'] } as const
      for (const [topic, [username, clientId]] of Object.entries(names)) {
        const client = await enter(broker, { username, clientId })
        await client.publish({ topic, qos: 1, retain: true, payload })
        await client.disconnect()
      }
      await broker.publish({ topic: 'a/host', payload: 'x', retain: true })
      const retained = async (clientId: string) => {
        const alice = await enter(broker, { username: 'alice', clientId })
        await alice.subscribe(at('#', 0))
        return (await alice.settle()).map(each => 'topic' in each && each.topic).toSorted()
      }
      assert.deepEqual(await retained('one'), ['a/1', 'a/2', 'a/host', 'b/1'])
      file(rules('nothing'))
      await auth.reload()
      assert.deepEqual(await retained('two'), ['a/2', 'a/host', 'b/1'])
    })
    assert.deepEqual(denials, ['receive publisher-not-allowed a/1'])
  })

  it('denies everything if it is empty, and writing to reserved topics', async () => {
    const auth = aclFile(file(''))
    assert.equal((await auth.explain({ clientId: 'x', action: 'publish', topic: 'a' })).code, 'no-rule')
    const all = aclFile(file('topic #\ntopic $SYS/#\ntopic $share/#\npattern $SYS/#'))
    for (const [topic, allowed] of [
      ['$SYS/broker/uptime', false],
      ['$SYS/broker/connection/bridge/state', true],
      ['$SYS/broker/connection/a/b/state', false],
      ['$share/g/a', false],
      ['$other', false],
      ['a', true],
    ] as const) {
      assert.equal((await all.explain({ clientId: 'x', action: 'publish', topic })).allowed, allowed, topic)
    }
  })

  it('keeps the old rules if a broken file is reloaded', async () => {
    const auth = aclFile(file('topic a\n'))
    const failed: string[] = []
    auth.on('reloadFailed', error => failed.push(error.code))
    file('alice:$6$c2FsdHNhbHQ=$aGFzaGhhc2hoYXNoaGFzaA==')
    await assert.rejects(auth.reload(), ({ message }: Error) => !message.includes('aGFzaGhhc2h'))
    failed.length = 0
    file('topic a\nbroken')
    await assert.rejects(auth.reload(), { code: 'ANAX_ERR_OPTION' })
    assert.deepEqual(failed, ['ANAX_ERR_OPTION'])
    assert.equal((await auth.explain({ clientId: 'x', action: 'publish', topic: 'a' })).allowed, true)
    file('topic b\n')
    await auth.reload()
    assert.equal((await auth.explain({ clientId: 'x', action: 'publish', topic: 'a' })).allowed, false)
  })
})

describe('typed rules', () => {
  const rules = {
    everyone: [allow({ subscribe: 'news/#' }), deny({ all: 'news/secret/#' })],
    anonymous: [allow({ publish: 'hello' })],
    users: {
      alice: [allow({ publish: 'meters/%c/#', subscribe: ['meters/%c/commands', 'users/%u/#'] })],
      bob: { roles: ['operator'], groups: ['field'] },
    },
    roles: { operator: [allow({ all: 'ops/#' })], reader: [allow({ subscribe: 'ops/#' })] },
    groups: { field: [allow({ publish: 'field/%{site}/+' })] },
  }

  it('allow by user, role, group, client identifier and attribute', async () => {
    const auth = aclFile(rules)
    const ask = async (user: string | undefined, action: 'publish' | 'subscribe', topic: string, more = {}) =>
      (await auth.explain({ clientId: 'm1', action, topic, ...(user !== undefined && { user }), ...more })).allowed
    assert.equal(await ask('alice', 'publish', 'meters/m1/power'), true)
    assert.equal(await ask('alice', 'publish', 'meters/m2/power'), false)
    assert.equal(await ask('alice', 'subscribe', 'users/alice/inbox'), true)
    assert.equal(await ask('bob', 'publish', 'ops/start'), true)
    assert.equal(await ask('carol', 'publish', 'ops/start'), false)
    assert.equal(await ask('carol', 'publish', 'ops/start', { roles: ['operator'] }), true)
    assert.equal(await ask('carol', 'subscribe', 'ops/#', { roles: ['reader', 'constructor'] }), true)
    assert.equal(await ask('bob', 'publish', 'field/here/on', { attributes: { site: 'here' } }), true)
    assert.equal(await ask('bob', 'publish', 'field/there/on', { attributes: { site: 'here' } }), false)
    assert.equal(await ask('bob', 'publish', 'field/%{site}/on'), false)
    assert.equal(await ask(undefined, 'publish', 'hello'), true)
    assert.equal(await ask('constructor', 'publish', 'hello'), false)
    assert.equal(await ask('__proto__', 'publish', 'hello'), false)
  })

  it('refuse or narrow a filter that is wider than they are, as the option says', async () => {
    const filters = [
      'news/#',
      'news/+/today',
      'news/today',
      'news/secret/today',
      '#',
      '+/#',
      '$share/g/news/today',
      'other',
    ]
    const outcomes = async (widerFilter: 'refuse' | 'narrow') => {
      const auth = aclFile(rules, { widerFilter })
      const answers = filters.map(topic => auth.explain({ clientId: 'x', action: 'subscribe', topic }))
      return (await Promise.all(answers)).map(({ code = 'granted' }) => code)
    }
    const [wider, denied, none] = ['wider-than-rules', 'rule-denies', 'no-rule']
    assert.deepEqual(await outcomes('refuse'), [wider, wider, 'granted', denied, wider, wider, 'granted', none])
    assert.deepEqual(await outcomes('narrow'), [
      ...['granted', 'granted', 'granted', denied],
      ...['granted', 'granted', 'granted', none],
    ])
  })

  it('deny names with slashes or wildcards if they have a place for the name', async () => {
    const auth = aclFile(rules)
    const own = { clientId: '$SYS', action: 'subscribe', topic: '$SYS/#' } as const
    const first = aclFile({ everyone: [allow({ subscribe: '%c/#' }), allow({ subscribe: 'own/%c/#' })] })
    assert.equal((await first.explain(own)).code, 'unsafe-name')
    for (const clientId of ['a/b', '+', '#', 'm1#']) {
      const { code } = await auth.explain({ user: 'alice', clientId, action: 'publish', topic: `meters/${clientId}/x` })
      assert.equal(code, 'unsafe-name', clientId)
      const free = await auth.explain({ user: 'bob', clientId, action: 'publish', topic: 'ops/x' })
      assert.equal(free.allowed, true, clientId)
    }
    const lenient = aclFile(rules, { slashInNames: 'allow' })
    const asked = { user: 'alice', clientId: 'a/b', action: 'publish', topic: 'meters/a/b/x' } as const
    assert.equal((await lenient.explain(asked)).allowed, true)
  })

  it('are refused if they are invalid', () => {
    for (const wrong of [
      { everybody: [] },
      { everyone: [allow({ publish: 'a/#/b' })] },
      { everyone: [{ effect: 'alow', topics: {} }] },
      { everyone: [allow({ read: 'a' } as never)] },
      { users: { alice: { roles: ['none'] } } },
      { groups: { one: 'x' } },
      [],
      { users: { alice: deny({ all: 'secret' }) } },
      { users: { alice: { rules: [], role: ['x'] } } },
      // they would deny nothing
      { everyone: [deny({ subscribe: '$share/g/secret' })] },
      { everyone: [deny({ all: 'x/$' + '{clientid}' })] },
      { everyone: [deny({ all: 'x/%{tenant id}' })] },
    ]) {
      assert.throws(() => aclFile(wrong as never), { code: 'ANAX_ERR_OPTION' }, JSON.stringify(wrong))
    }
  })

  it('give the same verdicts as checking every rule', () => {
    const name = fc.constantFrom('a', 'b', '%c', '+')
    const filter = fc.array(name, { minLength: 1, maxLength: 3 }).map(levels => levels.join('/'))
    const rule = fc.tuple(fc.boolean(), filter)
    const topic = fc
      .array(fc.constantFrom('a', 'b', 'me'), { minLength: 1, maxLength: 3 })
      .map(levels => levels.join('/'))
    const property = fc.asyncProperty(fc.array(rule, { maxLength: 8 }), topic, async (list, asked) => {
      const auth = aclFile({ everyone: list.map(([yes, publish]) => (yes ? allow : deny)({ publish })) })
      const hits = list.filter(([, text]) => matches(text.replaceAll('%c', 'me'), asked))
      const expected = hits.length > 0 && hits.every(([yes]) => yes)
      assert.equal((await auth.explain({ clientId: 'me', action: 'publish', topic: asked })).allowed, expected)
    })
    return fc.assert(property, { numRuns: runs(200) })
  })
})

describe('changed rules', () => {
  it('end subscriptions, publishing and queued messages, for connected and disconnected clients', async () => {
    const own = { users: { alice: [allow({ all: ['a', 'b'] })], root: [allow({ all: '#' })] } }
    let rules = own
    const auth = aclFile(() => rules)
    const denials = denialsOf(auth)
    await withAuth(auth, async broker => {
      const packet = { clean: false, properties: { sessionExpiryInterval: 100 } }
      const alice = await enter(broker, { username: 'alice', packet })
      const away = await enter(broker, { username: 'alice', clientId: 'away', packet })
      const root = await enter(broker, { username: 'root' })
      assert.deepEqual(await alice.subscribe(at('a'), at('b'), at('$share/g/a')), [1, 1, 1])
      assert.deepEqual(await away.subscribe(at('a'), at('b')), [1, 1])
      await away.drop()
      for (const topic of ['a', 'b']) await root.publish({ topic, qos: 1, payload, retain: true })
      const second = await enter(broker, { username: 'alice', clientId: 'second' })
      assert.equal(await second.publish({ topic: 'a', qos: 1 }), 0)
      await alice.settle()
      rules = { users: { ...own.users, alice: [allow({ all: 'b' })] } }
      await auth.reload()
      await root.publish({ topic: 'a', qos: 1, payload })
      await alice.expectNothing()
      assert.equal(await second.publish({ topic: 'a', qos: 1 }), 0x87)
      assert.deepEqual(await alice.subscribe(at('a')), [0x87])
      const drops: string[] = []
      broker.on('drop', ({ reason, message }) => drops.push(`${reason} ${message.topic}`))
      const again = await enter(broker, { username: 'alice', clientId: 'away', packet })
      const received = (await again.settle()).map(each => 'topic' in each && each.topic)
      assert.deepEqual(received, ['b'])
      assert.ok(drops.length > 0 && drops.every(drop => drop === 'not-forwarded a'))
      assert.deepEqual([...broker.clients.away!.subscriptions.keys()], ['b'])
    })
    assert.ok(denials.includes('subscribe no-rule a') && denials.includes('receive no-rule a'))
  })

  it('apply to a session that another user resumes', async () => {
    const auth = aclFile({ users: { alice: [allow({ all: '#' })], bob: [allow({ subscribe: 'b' })] } })
    await withAuth(auth, async broker => {
      const packet = { clean: false, properties: { sessionExpiryInterval: 100 } }
      const alice = await enter(broker, { username: 'alice', clientId: 'one', packet })
      await alice.subscribe(at('a'), at('b'))
      await alice.drop()
      const root = await enter(broker, { username: 'alice', clientId: 'two' })
      for (const topic of ['a', 'b']) await root.publish({ topic, qos: 1, payload })
      const bob = await enter(broker, { username: 'bob', clientId: 'one', packet })
      assert.deepEqual(
        (await bob.settle()).map(each => 'topic' in each && each.topic),
        ['b'],
      )
    })
  })
})

describe('anonymous', () => {
  it('accepts clients without a user name, with its own rules', async () => {
    const auth = anonymous({ acl: { anonymous: [allow({ publish: 'hello' })] } })
    await withAuth(auth, async broker => {
      const client = await enter(broker, {})
      assert.equal(await client.publish({ topic: 'hello', qos: 1 }), 0x10)
      assert.equal(await client.publish({ topic: 'other', qos: 1 }), 0x87)
      await assert.rejects(enter(broker, { username: 'alice' }), /134/)
    })
  })
})

describe('an explanation of a verdict', () => {
  it('considers listener, port and transport, if modules are for these', async () => {
    const rules = aclFile({ everyone: [allow({ publish: 'a' })] })
    const question = { user: 'alice', clientId: 'c', action: 'publish', topic: 'a' } as const
    for (const [auth, right, wrong] of [
      [byListener({ inside: rules }), { listener: 'inside' }, { listener: 'outside' }],
      [byPort({ 1883: rules }), { port: 1883 }, { port: 8883 }],
      [byTransport({ tls: rules }), { transport: 'tls' }, { transport: 'tcp' }],
    ] as const) {
      assert.equal((await auth.explain({ ...question, ...right })).rule, 'everyone: allow publish a')
      assert.equal((await auth.explain({ ...question, ...wrong })).code, 'nobody-knows')
      assert.equal((await auth.explain(question)).code, 'nobody-knows')
    }
  })
})

describe('a dry run', () => {
  it('reports denials, and allows everything', async () => {
    const lines: string[] = []
    const auth = aclFile({}, { dryRun: 'authorization', log: line => lines.push(line) })
    const denials = denialsOf(auth)
    await withAuth(auth, async broker => {
      const client = await enter(broker, { username: 'alice' })
      assert.deepEqual(await client.subscribe(at('a')), [1])
      await client.publish({ topic: 'a' })
      assert.equal((await client.expect('publish')).topic, 'a')
    })
    assert.deepEqual(new Set(denials), new Set(['subscribe no-rule a', 'publish no-rule a', 'receive no-rule a']))
    assert.equal(lines[0], 'would be denied: client "alice", user "alice": subscribe "a" (no-rule)')
  })
})
