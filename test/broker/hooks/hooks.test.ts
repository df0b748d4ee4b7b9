/** Hooks in all their styles: who is accepted, the refusal in each version, and failing hooks. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { AnaxError, Broker } from '../../../lib/index.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { ConnackPacket, ProtocolVersion } from '../../../types/message/packets.js'
import { publishText, receiveTexts, textPacket } from '../../support/clients/exchange.js'
import { connectPacket } from '../../support/clients/spec-client.js'
import { type Spec, spec } from '../../support/spec.js'

const ALL = [3, 4, 5] as const

/** The refusal: reason code, or return code before 5.0. */
function codeOf({ reasonCode, returnCode }: ConnackPacket): number | undefined {
  return reasonCode ?? returnCode
}

function expected(version: ProtocolVersion, reasonCode: number, returnCode: number): number {
  return version === 5 ? reasonCode : returnCode
}

function refusal(properties: object): Error {
  return Object.assign(new Error('go away'), properties)
}

type Connects = Pick<BrokerOptions, 'preConnect' | 'authenticate'>

/** One verdict in every style that a hook can have. */
function styles(verdict: unknown, error: Error | null): [style: string, hooks: Connects][] {
  const answer = verdict as boolean
  return [
    ['preConnect returns', { preConnect: () => answer }],
    ['preConnect promises', { preConnect: async () => answer }],
    ['preConnect calls back', { preConnect: (_client, _packet, callback) => callback(error, answer) }],
    [
      'preConnect calls back later',
      { preConnect: (_client, _packet, callback) => void setImmediate(callback, error, answer) },
    ],
    ['authenticate returns', { authenticate: () => answer }],
    ['authenticate promises', { authenticate: async () => answer }],
    ['authenticate calls back', { authenticate: (_client, _user, _word, callback) => callback(error, answer) }],
    [
      'authenticate calls back later',
      { authenticate: (_client, _user, _word, callback) => void setImmediate(callback, error, answer) },
    ],
  ]
}

for (const [style, hooks] of styles(true, null)) {
  spec(
    `${style} true: the client is accepted`,
    ALL,
    async ({ connect }) => {
      await (await connect('client')).expectNothing()
    },
    hooks,
  )
}

for (const [style, hooks] of styles(false, null)) {
  spec(
    `[5.0 MQTT-3.1.4-2] [3.1.1 MQTT-3.2.2-5] ${style} false: it is not, with 0x87 or return code 5`,
    ALL,
    async ({ version, dial, broker }) => {
      const gone = once(broker, 'connectionError')
      const client = dial()
      assert.equal(codeOf(await client.connect()), expected(version, 0x87, 5))
      assert.deepEqual(await client.closed(), [])
      assert.equal((await gone)[1].code, 'ANAX_ERR_NOT_AUTHORIZED')
    },
    hooks,
  )
}

for (const [answer, reasonCode, returnCode] of [
  [{ reasonCode: 0x86 }, 0x86, 4],
  [{ reasonCode: 0x8a }, 0x8a, 5],
  [{ reasonCode: 0x97 }, 0x97, 3],
  [{ reasonCode: 0x85 }, 0x85, 2],
  [{ returnCode: 4 }, 0x86, 4],
  [{ returnCode: 2 }, 0x85, 2],
  [{ returnCode: 3 }, 0x88, 3],
  [{ reasonCode: 0x8a, returnCode: 2 }, 0x8a, 2],
  [{ reasonCode: 0x8e }, 0x87, 5],
  [{ reasonCode: 7 }, 0x87, 5],
  [{}, 0x87, 5],
] as const) {
  // an error that is passed, thrown or rejected has the same meaning as a returned object
  const error = refusal(answer)
  const hooks: [string, Connects][] = [
    ...styles(answer, error),
    ['preConnect throws', { preConnect: () => raise(error) }],
    ['authenticate rejects', { authenticate: () => Promise.reject(error) }],
  ]
  for (const [style, set] of hooks) {
    spec(
      `[5.0 MQTT-3.2.2-8] ${style} ${JSON.stringify(answer)}: 0x${reasonCode.toString(16)}, return code ${returnCode}`,
      [3, 5],
      async ({ version, dial }) => {
        assert.equal(codeOf(await dial().connect()), expected(version, reasonCode, returnCode))
      },
      set,
    )
  }
}

function raise(error: Error): never {
  throw error
}

spec('preConnect is called before authenticate, and may change the packet', ALL, async ({ broker, connect }) => {
  const asked: string[] = []
  broker.preConnect = (client, packet) => {
    asked.push(`preConnect ${packet.clientId} ${client.id === ''} ${client.connecting} ${client.version}`)
    packet.clientId = 'renamed'
    packet.username = 'bob'
    return true
  }
  broker.authenticate = (client, username, password) => {
    asked.push(`authenticate ${client.id} ${username} ${password?.toString()}`)
    return true
  }
  const client = await connect('original', { username: 'alice', password: Buffer.from('secret') })
  assert.deepEqual(asked, [`preConnect original true true ${client.version}`, 'authenticate renamed bob secret'])
  assert.deepEqual(Object.keys(broker.clients), ['renamed'])
})

spec('authenticate gets undefined for credentials that the client does not have', ALL, async ({ broker, connect }) => {
  broker.authenticate = (_, username, password) => username === undefined && password === undefined
  await connect('anonymous')
})

spec('client.context that one hook sets is available in the next', ALL, async ({ version, broker, connect }) => {
  broker.authenticate = client => {
    client.context = { may: 'a' }
    return true
  }
  broker.authorizePublish = (client, { topic }) => (client!.context as { may: string }).may === topic
  const published: string[] = []
  broker.on('publish', ({ topic }) => published.push(topic))
  const client = await connect('client')
  client.send(textPacket('a', ''))
  await client.expectNothing()
  client.send(textPacket('b', ''))
  if (version === 5) await client.expectNothing()
  else await client.closed()
  assert.deepEqual(published, ['a'])
})

/** Every hook, with an action that calls it. */
const ACTS: [name: keyof BrokerOptions & string, act: (frame: Spec, failure: string) => Promise<void>][] = [
  ['preConnect', connectRefused],
  ['authenticate', connectRefused],
  ['authorizePublish', frame => publishRefused(frame)],
  ['authorizeSubscribe', subscribeRefused],
  ['authorizeForward', forwardWithheld],
  ['published', publishUnacknowledged],
]

async function connectRefused({ version, dial, clock }: Spec, failure: string): Promise<void> {
  const client = dial()
  client.send(connectPacket(version))
  await clock.advance(11_000)
  // a missing answer says nothing about the client, which may try again
  const wanted = failure === 'does not answer' ? expected(version, 0x89, 3) : expected(version, 0x87, 5)
  assert.equal(codeOf(await client.expect('connack')), wanted)
}

async function publishRefused(frame: Spec, reasonCode = 0x87): Promise<void> {
  const { version, connect, clock } = frame
  const client = await connect('publisher')
  client.send(textPacket('a', '', { qos: 1, messageId: 1 }))
  await clock.advance(11_000)
  if (version === 5) assert.equal((await client.expect('puback')).reasonCode, reasonCode)
  else assert.deepEqual(await client.closed(), [])
}

function publishUnacknowledged(frame: Spec): Promise<void> {
  return publishRefused(frame, 0x83)
}

async function subscribeRefused({ version, connect, clock }: Spec): Promise<void> {
  const client = await connect('subscriber')
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  await clock.advance(11_000)
  assert.deepEqual((await client.expect('suback')).granted, [version === 5 ? 0x87 : 0x80])
}

async function forwardWithheld({ connect }: Spec): Promise<void> {
  const client = await connect('subscriber')
  await client.subscribe({ topic: 'a', qos: 0 })
  await publishText(await connect('publisher'), 'a', '')
  await client.expectNothing()
}

type AnyHook = (...args: never[]) => unknown

for (const [name, act] of ACTS) {
  const failures: [what: string, hook: AnyHook, code: string][] = [
    ['throws', () => raise(new Error('broken')), 'ANAX_ERR_HOOK_FAILED'],
    ['rejects', () => Promise.reject(new Error('broken')), 'ANAX_ERR_HOOK_FAILED'],
    ['does not answer', () => new Promise(() => {}), 'ANAX_ERR_HOOK_TIMEOUT'],
    ['answers nonsense', () => 'yes', 'ANAX_ERR_HOOK_ANSWER'],
  ]
  for (const [what, hook, code] of failures) {
    // `published` may return anything; authorizeForward must answer synchronously
    if (name === 'published' && what === 'answers nonsense') continue
    const isPromise = what === 'rejects' || what === 'does not answer'
    const told = name === 'authorizeForward' && isPromise ? 'ANAX_ERR_HOOK_ANSWER' : code
    spec(`${name} that ${what} refuses, and an event reports it`, ALL, async frame => {
      const errors: [AnaxError, string][] = []
      frame.broker.on('hookError', (error, hookName) => errors.push([error, hookName]))
      Object.assign(frame.broker, { [name]: hook })
      await act(frame, what)
      assert.deepEqual(
        errors.map(([error, hookName]) => [error.code, hookName]),
        [[told, name]],
      )
    })
  }
}

spec('second and late answers of a hook are ignored', ALL, async ({ version, broker, connect, dial, clock }) => {
  broker.authenticate = (_client, _username, _password, callback) => {
    callback(null, true)
    callback(new Error('no'), false)
    throw new Error('and broken')
  }
  const client = await connect('client')
  let late = () => {}
  broker.authorizeSubscribe = (_client, subscription, callback) => {
    late = () => callback(null, subscription)
  }
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] })
  await clock.advance(11_000)
  assert.deepEqual((await client.expect('suback')).granted, [version === 5 ? 0x87 : 0x80])
  late()
  await publishText(client, 'a', '')
  broker.authenticate = undefined
  await dial().connect({ clientId: 'other' })
})

spec(
  'without a time limit, a hook may take any time',
  [5],
  async ({ broker, connect, clock }) => {
    let answer = (_: boolean) => {}
    broker.authorizePublish = () => new Promise<boolean>(resolve => (answer = resolve))
    const client = await connect('client')
    client.send(textPacket('a', '', { qos: 1, messageId: 1 }))
    await clock.advance(1_000_000)
    await client.expectNothing()
    answer(true)
    assert.equal((await client.expect('puback')).reasonCode, 0x10)
  },
  { hookTimeoutMs: 0 },
)

spec('hooks may be set, changed and removed at any time', [5], async ({ broker, connect }) => {
  const client = await connect('client')
  await client.subscribe({ topic: '#', qos: 0 })
  const publisher = await connect('publisher')
  assert.equal(await publishText(publisher, 'a', 'unset', { qos: 1 }), 0)
  const no = () => false
  broker.authorizePublish = no
  assert.equal(broker.authorizePublish, no)
  assert.equal(await publishText(publisher, 'a', 'refused', { qos: 1 }), 0x87)
  broker.authorizePublish = () => 0x99
  assert.equal(await publishText(publisher, 'a', 'refused', { qos: 1 }), 0x99)
  broker.authorizePublish = undefined
  assert.equal(broker.authorizePublish, undefined)
  assert.equal(await publishText(publisher, 'a', 'unset again', { qos: 1 }), 0)
  assert.deepEqual(await receiveTexts(client), ['unset', 'unset again'])
})

const NAMES = [...ACTS.map(([name]) => name), 'authenticateExtended'] as const

for (const name of NAMES) {
  const mixed = async (_a: unknown, _b: unknown, _c: unknown, _d: unknown) => true
  spec(`${name}: an async function that also takes a callback is refused when it is set`, [5], async ({ broker }) => {
    const wrong = { code: 'ANAX_ERR_HOOK_STYLE', message: new RegExp(`${name} is async`) }
    assert.throws(() => Object.assign(broker, { [name]: mixed }), wrong)
    assert.throws(() => new Broker({ [name]: mixed }), wrong)
    assert.equal(broker[name as 'preConnect'], undefined)
  })

  spec(`${name}: a value that is not a function is refused`, [5], async ({ broker }) => {
    for (const wrong of ['yes', '', false, 0]) {
      assert.throws(() => Object.assign(broker, { [name]: wrong }), { code: 'ANAX_ERR_HOOK_STYLE' })
    }
    assert.throws(() => new Broker({ [name]: 'yes' } as never), { code: 'ANAX_ERR_OPTION' })
  })

  spec(`${name}: null removes the hook, and is accepted as an option`, [5], async ({ broker }) => {
    Object.assign(broker, { [name]: () => true })
    Object.assign(broker, { [name]: null })
    assert.equal(broker[name as 'preConnect'], undefined)
    assert.equal(new Broker({ [name]: null })[name as 'preConnect'], undefined)
  })
}

spec(
  'errors of the application, its hooks and its store are not shown to clients',
  [5],
  async ({ broker, connect }) => {
    const client = await connect('client')
    const fail = () => raise(new Error('password of the database'))
    broker.authorizeSubscribe = fail
    broker.authorizePublish = fail
    client.send(
      { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
      textPacket('a', '', { qos: 1, messageId: 2 }),
    )
    const refused = await client.settle()
    broker.authorizePublish = undefined
    broker.published = fail
    client.send(textPacket('a', '', { qos: 2, messageId: 3 }))
    refused.push(...(await client.settle()))
    broker.published = (_packet, _client, callback) => callback(new Error('password of the database'))
    client.send(textPacket('a', '', { qos: 1, messageId: 4 }))
    refused.push(...(await client.settle()))
    assert.deepEqual(
      refused.map(({ cmd }) => cmd),
      ['suback', 'puback', 'pubrec', 'puback'],
    )
    assert.doesNotMatch(JSON.stringify(refused), /password/)
  },
)

spec('an error thrown by the application is reported as an AnaxError with its cause', [5], async ({ broker, dial }) => {
  const cause = new Error('the database is down')
  broker.authenticate = () => raise(cause)
  const told = once(broker, 'hookError')
  const connack = await dial().connect()
  const [error, , client] = await told
  assert.ok(error instanceof AnaxError)
  assert.equal(error.cause, cause)
  assert.equal(client.id, 'client')
  // clients do not see internal errors of the host
  assert.ok(!JSON.stringify(connack).includes('database'))
})
