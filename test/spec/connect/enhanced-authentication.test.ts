/** AUTH: the exchange before CONNACK, and re-authentication (3.15, 4.12). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { AnaxError } from '../../../lib/index.js'
import type { AuthenticateExtendedHandler } from '../../../types/broker/hooks.js'
import type {
  AuthPacket,
  AuthProperties,
  ConnectPacket,
  ConnectProperties,
  Packet,
} from '../../../types/message/packets.js'
import { publishText, receiveTexts, textPacket } from '../../support/clients/exchange.js'
import { connectPacket, type SpecClient } from '../../support/clients/spec-client.js'
import { type Spec, spec } from '../../support/spec.js'

const METHOD = 'quiz'

/** Asks one question after the other; a client that answers all of them is accepted. */
const quiz: AuthenticateExtendedHandler = (_, { data, step }) => {
  const answer = data?.toString()
  if (step !== 'continue') return { result: 'continue', data: Buffer.from('first question') }
  if (answer === 'first answer') return { result: 'continue', data: Buffer.from('second question') }
  if (answer === 'second answer') return { result: 'success', data: Buffer.from('welcome') }
  return { result: 'refuse', reasonString: 'wrong answer' }
}

function auth(reasonCode: number, text?: string, properties: AuthProperties = {}): AuthPacket {
  const data = text === undefined ? {} : { authenticationData: Buffer.from(text) }
  return { cmd: 'auth', reasonCode, properties: { authenticationMethod: METHOD, ...data, ...properties } }
}

/** Sends a CONNECT that names the method. */
function connectWithMethod(
  { dial }: Spec,
  properties: ConnectProperties = {},
  packet: Partial<ConnectPacket> = {},
): SpecClient {
  const client = dial()
  client.send(connectPacket(5, { ...packet, properties: { authenticationMethod: METHOD, ...properties } }))
  return client
}

/** The next packet, which must be an AUTH with this reason code and text. */
async function expectAuth(client: SpecClient, reasonCode: number, text?: string): Promise<AuthPacket> {
  const packet = await client.expect('auth')
  assert.equal(packet.reasonCode, reasonCode)
  assert.equal(packet.properties?.authenticationMethod, METHOD)
  assert.equal(packet.properties?.authenticationData?.toString(), text)
  return packet
}

async function expectRefusal(client: SpecClient, reasonCode: number): Promise<void> {
  const connack = await client.expect('connack')
  assert.deepEqual([connack.reasonCode, connack.sessionPresent], [reasonCode, false])
  assert.deepEqual(await client.closed(), [])
}

/** A client that has answered all questions. */
async function admitted(frame: Spec, packet: Partial<ConnectPacket> = {}): Promise<SpecClient> {
  const client = connectWithMethod(frame, packet.properties, packet)
  await expectAuth(client, 0x18, 'first question')
  client.send(auth(0x18, 'first answer'))
  await expectAuth(client, 0x18, 'second question')
  client.send(auth(0x18, 'second answer'))
  assert.equal((await client.expect('connack')).reasonCode, 0)
  return client
}

/** Declares a test with these questions as hook. */
function withQuiz(title: string, body: (frame: Spec) => Promise<void>): void {
  spec(title, [5], body, { authenticateExtended: quiz })
}

spec('[5.0 MQTT-4.12.0-1] [5.0 MQTT-3.2.2-7] without a hook every method is refused with 0x8C', [5], async frame => {
  await expectRefusal(connectWithMethod(frame), 0x8c)
})

withQuiz(
  '[5.0 MQTT-4.12.0-2] [5.0 MQTT-4.12.0-5] [5.0 MQTT-3.15.2-1] [5.0 MQTT-3.2.0-1] ' +
    'AUTH packets with the method are exchanged until CONNACK ends the exchange',
  async frame => {
    const client = connectWithMethod(frame)
    await expectAuth(client, 0x18, 'first question')
    client.send(auth(0x18, 'first answer'))
    await expectAuth(client, 0x18, 'second question')
    client.send(auth(0x18, 'second answer'))
    const connack = await client.expect('connack')
    assert.equal(connack.reasonCode, 0)
    assert.equal(connack.properties?.authenticationMethod, METHOD)
    assert.equal(connack.properties?.authenticationData?.toString(), 'welcome')
    await client.expectNothing()
  },
)

spec('a hook may accept the client after CONNECT alone, and sees its data', [5], async frame => {
  frame.broker.authenticateExtended = (client, authentication) => {
    const { method, data, step, packet } = authentication
    assert.deepEqual([method, data?.toString(), step, packet.cmd], [METHOD, 'let me in', 'connect', 'connect'])
    assert.equal(client.username, 'alice')
    return { result: 'success' }
  }
  const client = connectWithMethod(frame, { authenticationData: Buffer.from('let me in') }, { username: 'alice' })
  const connack = await client.expect('connack')
  assert.equal(connack.reasonCode, 0)
  assert.equal(connack.properties?.authenticationMethod, METHOD)
  assert.equal(connack.properties?.authenticationData, undefined)
})

withQuiz('[5.0 MQTT-4.12.0-4] the hook may refuse at any step, with its own reason', async frame => {
  for (const answers of [['nonsense'], ['first answer', 'nonsense']]) {
    const client = connectWithMethod(frame)
    for (const answer of answers) {
      await client.expect('auth')
      client.send(auth(0x18, answer))
    }
    const connack = await client.expect('connack')
    assert.deepEqual([connack.reasonCode, connack.properties?.reasonString], [0x87, 'wrong answer'])
    assert.deepEqual(await client.closed(), [])
  }
})

for (const [style, hook] of [
  ['throws', () => assert.fail('broken')],
  ['rejects', () => Promise.reject(new Error('broken'))],
  ['answers nonsense', () => 'yes'],
] as [string, AuthenticateExtendedHandler][]) {
  spec(`[5.0 MQTT-4.12.0-4] a hook that ${style} refuses with 0x87, and an event reports it`, [5], async frame => {
    frame.broker.authenticateExtended = hook
    const told = once(frame.broker, 'hookError')
    await expectRefusal(connectWithMethod(frame), 0x87)
    const [error, name] = await told
    assert.ok(error instanceof AnaxError)
    assert.equal(name, 'authenticateExtended')
  })
}

withQuiz('[5.0 MQTT-4.12.0-3] an answer with another reason code than 0x18 is refused', async frame => {
  const client = connectWithMethod(frame)
  await client.expect('auth')
  client.send(auth(0x19, 'first answer'))
  await expectRefusal(client, 0x82)
})

withQuiz('[5.0 MQTT-4.12.0-5] an answer that names another method is refused', async frame => {
  const client = connectWithMethod(frame)
  await client.expect('auth')
  client.send(auth(0x18, 'first answer', { authenticationMethod: 'riddle' }))
  await expectRefusal(client, 0x82)
})

const OTHER_PACKETS: Packet[] = [
  textPacket('a', 'too early'),
  { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0 }] },
  { cmd: 'pingreq' },
  connectPacket(5),
]
for (const packet of OTHER_PACKETS) {
  withQuiz(`[5.0 MQTT-3.1.2-30] ${packet.cmd} before CONNACK ends the connection`, async frame => {
    const published: unknown[] = []
    frame.broker.on('publish', message => published.push(message))
    const client = connectWithMethod(frame)
    await client.expect('auth')
    client.send(packet, auth(0x18, 'first answer'))
    assert.deepEqual(await client.closed(), [])
    assert.deepEqual(published, [])
  })
}

withQuiz(
  '[5.0 MQTT-3.1.2-30] DISCONNECT before CONNACK is allowed, and closes the connection without an answer',
  async frame => {
    const errors: unknown[] = []
    frame.broker.on('connectionError', (_, error) => errors.push(error))
    const client = connectWithMethod(frame)
    await client.expect('auth')
    client.send({ cmd: 'disconnect' })
    assert.deepEqual(await client.closed(), [])
    assert.deepEqual(errors, [])
    assert.equal(frame.broker.connectedClients, 0)
  },
)

withQuiz('packets after the last AUTH are handled after CONNACK', async frame => {
  const client = connectWithMethod(frame)
  await client.expect('auth')
  client.send(auth(0x18, 'first answer'))
  await client.expect('auth')
  client.send(auth(0x18, 'second answer'), {
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: [{ topic: 'a', qos: 0 }],
  })
  await client.expect('connack')
  await client.expect('suback')
})

withQuiz('a client that does not answer is disconnected after the connect timeout', async frame => {
  const client = connectWithMethod(frame)
  await client.expect('auth')
  await frame.clock.advance(29_000)
  assert.equal(client.isClosed, false)
  await frame.clock.advance(2000)
  await expectRefusal(client, 0x87)
})

spec('[5.0 MQTT-4.12.0-4] a hook that does not answer in time refuses the client', [5], async frame => {
  frame.broker.authenticateExtended = () => new Promise(() => {})
  const client = connectWithMethod(frame)
  await frame.clock.advance(9000)
  assert.equal(client.isClosed, false)
  await frame.clock.advance(2000)
  await expectRefusal(client, 0x89)
})

withQuiz('[5.0 MQTT-4.12.0-6] without a method in CONNECT the broker sends no AUTH', async ({ dial }) => {
  const client = dial()
  const connack = await client.connect()
  assert.equal(connack.reasonCode, 0)
  assert.equal(connack.properties?.authenticationMethod, undefined)
  assert.equal(connack.properties?.authenticationData, undefined)
})

for (const reasonCode of [0x18, 0x19]) {
  withQuiz(
    `[5.0 MQTT-4.12.0-7] without a method in CONNECT, AUTH 0x${reasonCode.toString(16)} from the client is a protocol error`,
    async ({ connect }) => {
      const client = await connect('plain')
      client.send(auth(reasonCode, 'answer'))
      await client.expectDisconnect(0x82)
    },
  )
}

withQuiz('[5.0 MQTT-3.15.1-1] AUTH with reserved flags is malformed', async frame => {
  for (const firstByte of ['f1', 'f2', 'f8']) {
    const client = await admitted(frame)
    client.sendBytes(`${firstByte} 00`)
    await client.expectDisconnect(0x81)
  }
})

for (const [what, bytes] of [
  ['of length 0, which means reason code 0x00,', 'f0 00'],
  ['0x00, which only brokers may send,', 'f0 09 00 07 15 0004 7175697a'],
  ['0x80', 'f0 09 80 07 15 0004 7175697a'],
  ['without a method', 'f0 02 19 00'],
] as const) {
  withQuiz(`[5.0 MQTT-3.15.2-1] AUTH ${what} is a protocol error`, async frame => {
    const client = await admitted(frame)
    client.sendBytes(bytes)
    await client.expectDisconnect(0x82)
  })
}

for (const [properties, explained] of [
  [{}, true],
  [{ maximumPacketSize: 60 }, false],
  [{ requestProblemInformation: false }, false],
] as const) {
  spec(
    `[5.0 MQTT-3.15.2-2] [5.0 MQTT-3.15.2-3] [5.0 MQTT-3.1.2-29] Reason String and User Properties in AUTH if CONNECT has ${JSON.stringify(properties)}: ${explained ? 'yes' : 'no'}`,
    [5],
    async frame => {
      const reasonString = 'a reason that is longer than the largest packet of a small client'
      const userProperties = { name: 'a value that is longer than the largest packet of a small client' }
      frame.broker.authenticateExtended = () => ({ result: 'continue', reasonString, userProperties })
      const client = connectWithMethod(frame, properties)
      const packet = await expectAuth(client, 0x18)
      assert.equal(packet.properties?.reasonString, explained ? reasonString : undefined)
      assert.deepEqual({ ...packet.properties?.userProperties }, explained ? userProperties : {})
    },
  )
}

spec('before 5.0 the hook is never called', [3, 4], async ({ broker, connect }) => {
  broker.authenticateExtended = () => assert.fail('asked')
  await (await connect('old')).expectNothing()
})

withQuiz(
  '[5.0 MQTT-4.12.1-1] [5.0 MQTT-3.15.2-1] a re-authentication ends with AUTH 0x00, and other packets are handled meanwhile',
  async frame => {
    const client = await admitted(frame, { clientId: 'subscriber' })
    await client.subscribe({ topic: 'a', qos: 0 })
    const publisher = await admitted(frame, { clientId: 'publisher' })
    client.send(auth(0x19))
    await expectAuth(client, 0x18, 'first question')
    await publishText(publisher, 'a', 'meanwhile', { qos: 1 })
    assert.deepEqual(await receiveTexts(client), ['meanwhile'])
    client.send(auth(0x18, 'first answer'))
    await expectAuth(client, 0x18, 'second question')
    client.send(auth(0x18, 'second answer'))
    await expectAuth(client, 0x00, 'welcome')
    await client.expectNothing()
    // and once more
    client.send(auth(0x19))
    await expectAuth(client, 0x18, 'first question')
  },
)

withQuiz('[5.0 MQTT-4.12.1-2] a re-authentication that fails ends the connection', async frame => {
  const client = await admitted(frame)
  client.send(auth(0x19))
  await expectAuth(client, 0x18, 'first question')
  client.send(auth(0x18, 'nonsense'))
  assert.deepEqual(await client.closed(), [
    { cmd: 'disconnect', reasonCode: 0x87, properties: { reasonString: 'wrong answer' } },
  ])
})

// a code of CONNACK that DISCONNECT does not have, and one that both have
for (const [reasonCode, told] of [
  [0x86, 0x80],
  [0x97, 0x97],
] as const) {
  withQuiz(
    `[5.0 MQTT-3.14.2-1] a re-authentication that the hook refuses with 0x${reasonCode.toString(16)} ends with DISCONNECT 0x${told.toString(16)}`,
    async frame => {
      const client = await admitted(frame)
      frame.broker.authenticateExtended = () => ({ result: 'refuse', reasonCode })
      client.send(auth(0x19))
      await client.expectDisconnect(told)
    },
  )
}

withQuiz('[5.0 MQTT-4.12.1-1] a re-authentication with another method is a protocol error', async frame => {
  const client = await admitted(frame)
  client.send(auth(0x19, undefined, { authenticationMethod: 'riddle' }))
  await client.expectDisconnect(0x82)
})

withQuiz('[5.0 MQTT-4.12.0-5] a re-authentication that changes the method is a protocol error', async frame => {
  const client = await admitted(frame)
  client.send(auth(0x19))
  await client.expect('auth')
  client.send(auth(0x18, 'first answer', { authenticationMethod: 'riddle' }))
  await client.expectDisconnect(0x82)
})

withQuiz('AUTH 0x18 outside of an authentication is a protocol error', async frame => {
  const client = await admitted(frame)
  client.send(auth(0x18, 'first answer'))
  await client.expectDisconnect(0x82)
})

withQuiz('[5.0 MQTT-4.12.0-3] AUTH 0x19 during a re-authentication is a protocol error', async frame => {
  const client = await admitted(frame)
  client.send(auth(0x19))
  await client.expect('auth')
  client.send(auth(0x19))
  await client.expectDisconnect(0x82)
})

withQuiz('AUTH before the hook has answered the last one is a protocol error', async frame => {
  const client = await admitted(frame)
  frame.broker.authenticateExtended = () => new Promise(() => {})
  client.send(auth(0x19), auth(0x18, 'first answer'))
  await client.expectDisconnect(0x82)
})

withQuiz('[5.0 MQTT-4.12.1-2] a hook that does not answer a re-authentication in time refuses it', async frame => {
  const client = await admitted(frame)
  frame.broker.authenticateExtended = () => new Promise(() => {})
  client.send(auth(0x19))
  await client.expectNothing()
  await frame.clock.advance(11_000)
  await client.expectDisconnect(0x89)
})

withQuiz('[5.0 MQTT-4.12.1-2] a re-authentication fails with 0x8C if the hook has been removed', async frame => {
  const client = await admitted(frame)
  frame.broker.authenticateExtended = undefined
  client.send(auth(0x19))
  await client.expectDisconnect(0x8c)
})

withQuiz('a connection that ends during a re-authentication leaves nothing behind', async frame => {
  const gone = once(frame.broker, 'clientDisconnect')
  const client = await admitted(frame)
  client.send(auth(0x19))
  await client.expect('auth')
  await client.drop()
  await gone
  assert.equal(frame.broker.connectedClients, 0)
})
