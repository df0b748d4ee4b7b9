/** Work of thousands of clients is spread over many turns of the event loop. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { duplexPair } from '../../lib/client/duplex-pair.js'
import { encode } from '../../lib/codec/encode/encoder.js'
import { type Broker, createBroker } from '../../lib/index.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { ConnectPacket } from '../../types/message/packets.js'
import { byEffort } from '../support/effort.js'

const CLIENTS = 400
/** Connections that begin or end in one turn. A turn has 4000 units, and the end of a connection takes 80. */
const MOST_IN_A_TURN = 60

/** PINGREQ is read one turn after it was written, and PINGRESP comes one turn after that. */
const MOST_TURNS = 6

const PINGREQ = Buffer.from([0xc0, 0])
const PINGRESP = Buffer.from([0xd0, 0])

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** Counts an event of the broker, turn by turn. */
async function mostInATurn(broker: Broker, event: 'clientDisconnect' | 'client', begin: () => void): Promise<number> {
  const counts = [0]
  broker.on(event, () => {
    counts[counts.length - 1]!++
  })
  begin()
  let done = 0
  while (done < CLIENTS) {
    await turn()
    done += counts.at(-1)!
    counts.push(0)
  }
  return Math.max(...counts)
}

function connect(broker: Broker, id: string, keepalive = 0) {
  const [client, stream] = duplexPair()
  broker.handle(stream)
  client.on('error', () => {}).resume()
  const packet = { cmd: 'connect', clientId: id, clean: true, keepalive, protocolVersion: 4 } as ConnectPacket
  client.write(encode(packet, 4))
  return client
}

describe('the turns of the event loop are short even if', () => {
  it('hundreds of clients connect and disconnect', async () => {
    await using broker = await createBroker()
    const clients: ReturnType<typeof connect>[] = []
    const connected = await mostInATurn(broker, 'client', () => {
      for (let i = 0; i < CLIENTS; i++) clients.push(connect(broker, `c${i}`))
    })
    assert(connected <= MOST_IN_A_TURN, `${connected} connected in one turn`)
    const gone = await mostInATurn(broker, 'clientDisconnect', () => {
      for (const client of clients) client.destroy()
    })
    assert(gone <= MOST_IN_A_TURN, `${gone} ended in one turn`)
  })

  it('the keep alive of hundreds of clients expires', async () => {
    const clock = new FakeClock()
    await using broker = await createBroker({ clock })
    for (let i = 0; i < CLIENTS; i++) connect(broker, `c${i}`, 10)
    while (broker.connectedClients < CLIENTS) await turn()
    const gone = await mostInATurn(broker, 'clientDisconnect', () => void clock.advance(15_050))
    assert(gone <= MOST_IN_A_TURN, `${gone} ended in one turn`)
  })

  it('hundreds of sessions are taken over', async () => {
    await using broker = await createBroker()
    for (let i = 0; i < CLIENTS; i++) connect(broker, `c${i}`)
    while (broker.connectedClients < CLIENTS) await turn()
    const gone = await mostInATurn(broker, 'clientDisconnect', () => {
      for (let i = 0; i < CLIENTS; i++) connect(broker, `c${i}`)
    })
    assert(gone <= MOST_IN_A_TURN, `${gone} ended in one turn`)
  })
})

describe('a client that sends little', () => {
  it('is answered within a few turns, whatever others do', async () => {
    await using broker = await createBroker({ maxConnections: 10_000 })
    for (let i = 0; i < 2000; i++) await broker.publish({ topic: `r/${i}`, payload: 'x', retain: true })
    const modest = connect(broker, 'modest')
    while (broker.connectedClients < 1) await turn()
    let answers = 0
    modest.on('data', (chunk: Buffer) => {
      if (chunk.includes(PINGRESP)) answers++
    })
    for (let round = 0; round < byEffort({ fast: 1, normal: 5, full: 5 }); round++) {
      const greedy = greedyClients(broker, round)
      // before they were served once, it is not known that they want more
      for (let i = 0; i < 15; i++) await turn()
      for (let i = 0; i < 5; i++) {
        const before = answers
        modest.write(PINGREQ)
        let turns = 0
        while (answers === before) {
          await turn()
          turns++
          assert(turns <= MOST_TURNS, `not answered in ${turns} turns`)
        }
      }
      for (const client of greedy) client.destroy()
    }
  })
})

/** Clients that publish, subscribe, want all retained messages, or take over each other, each as much as it can. */
function greedyClients(broker: Broker, round: number) {
  const filters = (from: number) =>
    encode(
      {
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: Array.from({ length: 50 }, (_, i) => ({ topic: `${round}/${from + i}/+`, qos: 0 as const })),
      },
      4,
    )
  const publish = encode(
    { cmd: 'publish', topic: 'r/x', payload: Buffer.from('x'), qos: 0, retain: false, dup: false },
    4,
  )
  const all = encode({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '#', qos: 0 }] }, 4)
  return Array.from({ length: 60 }, (_, i) => {
    const client = connect(broker, `greedy-${i % 40}`)
    if (i % 3 === 0) client.write(Buffer.concat(Array.from({ length: 2000 }, () => publish)))
    else if (i % 3 === 1) client.write(Buffer.concat(Array.from({ length: 20 }, (_, j) => filters(j * 50))))
    else client.write(all)
    return client
  })
}
