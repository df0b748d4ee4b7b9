/** Shared by publishers and subscribers of the model: a connection that breaks, and delayed answers. */
import type { Broker } from '../../../lib/index.js'
import type { ConnectPacket, Packet, ProtocolVersion } from '../../../types/message/packets.js'
import { SpecClient } from '../clients/spec-client.js'
import { keptSession } from '../spec.js'

export abstract class ModelClient {
  readonly id: string
  line: SpecClient | undefined
  /** Packets to send, in order. */
  #later: Packet[] = []

  constructor(id: string) {
    this.id = id
  }

  /** Connects, with its session or with a new one. */
  async connect(broker: Broker, version: ProtocolVersion, start: 'resume' | 'clean'): Promise<void> {
    if (this.line !== undefined) return
    const line = new SpecClient(broker, version)
    const kept = keptSession(version)
    const properties = { ...kept.properties, ...this.properties }
    const packet = version === 5 ? { properties, clean: start === 'clean' } : { clean: false }
    // before 5.0 a stored session must be begun with a clean one
    if (version !== 5 && start === 'clean') await forget(broker, version, this.id)
    const { sessionPresent } = await line.connect({ clientId: this.id, ...packet })
    this.line = line
    this.began(sessionPresent ? 'resumed' : 'new')
  }

  /** The connection breaks: packets on their way and unsent packets are lost. */
  async drop(): Promise<void> {
    const { line } = this
    this.line = undefined
    this.#later = []
    await line?.drop()
  }

  /**
   * Reads the received packets.
   * @returns how many there were
   */
  async read(): Promise<number> {
    if (this.line === undefined) return 0
    const packets = await this.line.settle()
    for (const packet of packets) this.arrived(packet)
    return packets.length
  }

  /** Sends some of its delayed answers. */
  answer(count: number): void {
    for (const packet of this.#later.splice(0, count)) {
      this.sending(packet)
      this.line!.send(packet)
    }
  }

  /** Whether it has delayed answers. */
  get owes(): boolean {
    return this.#later.length > 0
  }

  protected get properties(): ConnectPacket['properties'] {
    return {}
  }

  protected later(packet: Packet): void {
    this.#later.push(packet)
  }

  protected sending(_packet: Packet): void {}
  protected abstract began(session: 'resumed' | 'new'): void
  protected abstract arrived(packet: Packet): void
}

async function forget(broker: Broker, version: ProtocolVersion, clientId: string): Promise<void> {
  const client = new SpecClient(broker, version)
  await client.connect({ clientId, clean: true })
  await client.disconnect()
}
