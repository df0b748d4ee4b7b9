/** Many stored sessions of disconnected clients, created by clients over streams in memory. */
import { Duplex } from 'node:stream'
import { duplexPair } from '../../../../lib/client/duplex-pair.js'
import { encode } from '../../../../lib/codec/encode/encoder.js'
import type { Broker } from '../../../../types/broker/broker.js'
import { connectPacket } from '../../../support/clients/spec-client.js'

const AT_ONCE = 200

/** Connects, subscribes if there is a filter, and disconnects. */
export async function bulkSessions(broker: Broker, count: number, filter: string | undefined, from = 0): Promise<void> {
  let next = from
  const work = async () => {
    while (next < from + count) await visit(broker, `bulk${next++}`, filter)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

const PROPERTIES = { sessionExpiryInterval: 86_400 }

/** Connects, subscribes, and disconnects. Resolves when the broker is done with it. */
function visit(broker: Broker, clientId: string, filter: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const [near, far] = duplexPair()
    const client = broker.handle(far)
    client.once('close', () => resolve())
    near.write(encode(connectPacket(5, { clientId, clean: false, properties: PROPERTIES }), 5))
    near.on('error', reject)
    near.on('data', (chunk: Buffer) => {
      const type = chunk[0]! >> 4
      const subscription = { topic: filter!, qos: 1, nl: false, rap: false, rh: 0 } as const
      if (type === 2 && chunk[3] !== 0) reject(new Error(`${clientId} was refused`))
      else if (type === 2 && filter !== undefined) {
        near.write(encode({ cmd: 'subscribe', messageId: 1, subscriptions: [subscription] }, 5))
      } else {
        near.write(encode({ cmd: 'disconnect', reasonCode: 0 }, 5))
        near.end()
      }
    })
  })
}

/** The CONNECT of a client whose session is stored. */
export function connectBytes(clientId: string): Buffer {
  return encode(connectPacket(5, { clientId, clean: false, properties: PROPERTIES }), 5)
}

/** The connection of a client as the broker has it. The client does as little as possible: the broker is measured. */
class Arrival extends Duplex {
  readonly #answered: (connack: Buffer) => void

  constructor(answered: (connack: Buffer) => void) {
    super({ allowHalfOpen: false })
    this.#answered = answered
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#answered(chunk)
    done()
  }
}

/** Connects a client whose session is stored. @returns what ends its connection */
export function arrive(broker: Broker, connect: Buffer): Promise<() => void> {
  return new Promise((resolve, reject) => {
    const connection = new Arrival(connack => {
      // the session is open, and the client is accepted
      if (connack[2] === 1 && connack[3] === 0) resolve(() => connection.push(null))
      else reject(new Error('there is no session'))
    })
    broker.handle(connection)
    connection.push(connect)
  })
}
