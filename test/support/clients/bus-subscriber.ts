/** A subscriber that answers after a delay, disconnects and reconnects, and records what it receives. */
import assert from 'node:assert/strict'
import type { FakeClock } from '../../../lib/testing/fake-clock.js'
import { parseShare } from '../../../lib/topic/topic.js'
import type { Broker } from '../../../types/broker/broker.js'
import type { Packet, PublishPacket, QoS } from '../../../types/message/packets.js'
import { keptSession } from '../spec.js'
import { SpecClient } from './spec-client.js'

/** The received messages. */
export interface BusReceipt {
  text: string
  qos: QoS
  dup: boolean
}

/** A filter, or the filter of a shared subscription. */
export interface BusSubscription {
  filter: string
  qos: QoS
  share: string | undefined
}

/** The settings of a subscriber. */
export interface Habits {
  session: 'clean' | 'kept'
  receiveMaximum: number
  /** Delay of its acknowledgements. */
  ackDelayMs: number
  subscriptions: readonly { filter: string; qos: QoS }[]
}

export class BusSubscriber {
  readonly id: string
  readonly session: Habits['session']
  readonly subscriptions: readonly BusSubscription[]
  readonly receipts: BusReceipt[] = []
  /** The number of received packets. */
  packets = 0
  readonly #broker: Broker
  readonly #habits: Habits
  readonly #clock: FakeClock
  #client: SpecClient | undefined
  /** Packet ids of unreleased QoS 2 messages. */
  readonly #unreleased = new Set<number>()
  #failure: unknown
  #subscribed: () => void = () => {}

  constructor(id: string, broker: Broker, habits: Habits, clock: FakeClock) {
    this.id = id
    this.session = habits.session
    this.#broker = broker
    this.#habits = habits
    this.#clock = clock
    this.subscriptions = habits.subscriptions.map(({ filter, qos }) => {
      const parsed = parseShare(filter)
      return parsed === undefined ? { filter, qos, share: undefined } : { filter: parsed.filter, qos, share: filter }
    })
  }

  get brokerId(): string {
    return this.#broker.id
  }

  /** Connects, unless it is connected. */
  async connect(): Promise<void> {
    if (this.#client !== undefined) return
    const client = new SpecClient(this.#broker, 5)
    this.#client = client
    const kept = this.session === 'kept' ? keptSession(5) : {}
    const properties = { ...kept.properties, receiveMaximum: this.#habits.receiveMaximum }
    await client.connect({ clientId: this.id, ...kept, properties })
    this.#read(client).catch(error => {
      // the end of the connection ends it, too
      if (this.#client === client) this.#failure = error
    })
  }

  /** Subscribes to all filters, each with its own subscription identifier. */
  async subscribe(): Promise<void> {
    for (const [index, { filter, qos }] of this.#habits.subscriptions.entries()) {
      const done = new Promise<void>(resolve => {
        this.#subscribed = resolve
      })
      this.#client!.send({
        cmd: 'subscribe',
        messageId: 1,
        subscriptions: [{ topic: filter, qos }],
        properties: { subscriptionIdentifier: index + 1 },
      })
      await done
    }
  }

  /** Breaks its connection, if it has one. */
  async drop(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.drop()
  }

  /** Ignores everything from now on, and reports earlier errors. */
  leave(): void {
    this.#client = undefined
    if (this.#failure !== undefined) throw this.#failure
  }

  async #read(client: SpecClient): Promise<void> {
    while (!client.isClosed) {
      const packet = await client.next()
      // packets of a broken connection may count or not, because the client does not see them
      if (this.#client === client) this.#receive(client, packet)
    }
  }

  #receive(client: SpecClient, packet: Packet): void {
    this.packets++
    if (packet.cmd === 'publish') {
      this.#note(packet)
      if (packet.qos > 0)
        this.#later(client, { cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! })
    } else if (packet.cmd === 'pubrel') {
      this.#unreleased.delete(packet.messageId)
      this.#later(client, { cmd: 'pubcomp', messageId: packet.messageId })
    } else {
      assert.equal(packet.cmd, 'suback', `${this.id} got ${JSON.stringify(packet)}`)
      assert((packet as { granted: number[] }).granted.every(code => code < 0x80))
      this.#subscribed()
    }
  }

  #note({ payload, qos, dup, messageId, properties }: PublishPacket): void {
    if (qos === 2) {
      if (this.#unreleased.has(messageId!)) return
      this.#unreleased.add(messageId!)
    }
    const identifiers = [properties?.subscriptionIdentifier ?? []].flat()
    assert.equal(new Set(identifiers).size, identifiers.length, `${this.id}: each identifier once`)
    this.receipts.push({ text: payload.toString(), qos, dup })
  }

  #later(client: SpecClient, packet: Packet): void {
    this.#clock.setTimeout(() => {
      if (!client.isClosed) client.send(packet)
    }, this.#habits.ackDelayMs)
  }
}
