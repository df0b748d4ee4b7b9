/** Shared by the tests of anax/auth: a broker with an Auth, and clients that connect as a user. */
import { createHash, randomBytes } from 'node:crypto'
import type { Auth, Denial } from '../../lib/auth/index.js'
import { type Broker, createBroker } from '../../lib/index.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import type { ConnackPacket, ConnectPacket, ProtocolVersion } from '../../types/message/packets.js'
import { SpecClient } from '../support/clients/spec-client.js'

/** A hash that is cheap to compute, for tests that need many. */
export function quickHash(password: string): string {
  const salt = randomBytes(12)
  const key = createHash('sha512').update(password).update(salt).digest()
  return `$6$${salt.toString('base64')}$${key.toString('base64')}`
}

/** Collects the denials of an Auth, such as `publish no-rule a/b`. */
export function denialsOf(auth: Auth): string[] {
  const denials: string[] = []
  auth.on('denied', ({ action, code, topic }: Denial) => {
    denials.push([action, code, ...(topic === undefined ? [] : [topic])].join(' '))
  })
  return denials
}

/** Runs the body with a broker that has these hooks, and closes it. */
export async function withAuth(
  auth: Auth,
  body: (broker: Broker) => Promise<void>,
  options: BrokerOptions = {},
): Promise<void> {
  const broker = await createBroker({ ...options, ...auth })
  try {
    await body(broker)
  } finally {
    await broker.close()
    auth.close()
  }
}

/** The user and client that connect. */
export interface Login {
  username?: string
  password?: string | Buffer
  clientId?: string
  version?: ProtocolVersion
  packet?: Partial<ConnectPacket>
}

/** Connects; the result says whether the client was accepted. */
export async function login(
  broker: Pick<Broker, 'handle'>,
  { username, password, clientId = username ?? 'somebody', version = 5, packet }: Login,
): Promise<{ client: SpecClient; connack: ConnackPacket }> {
  const client = new SpecClient(broker, version)
  const connack = await client.connect({
    clientId,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Buffer.from(password) }),
    ...packet,
  })
  return { client, connack }
}

/** The code of CONNACK. */
export async function codeOf(broker: Pick<Broker, 'handle'>, who: Login): Promise<number | undefined> {
  const { client, connack } = await login(broker, who)
  await client.drop()
  return connack.reasonCode ?? connack.returnCode
}

/** Connects; fails if the client is refused. */
export async function enter(broker: Pick<Broker, 'handle'>, who: Login): Promise<SpecClient> {
  const { client, connack } = await login(broker, who)
  if ((connack.reasonCode ?? connack.returnCode) !== 0) throw new Error(`refused: ${JSON.stringify(connack)}`)
  return client
}
