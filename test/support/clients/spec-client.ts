/**
 * A low-level client for the tests of the standard: it sends any bytes and packets, valid or not, and returns every
 * received packet. Connects to a broker through a pair of streams in memory.
 */
import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { duplexPair } from '../../../lib/client/duplex-pair.js'
import { Decoder } from '../../../lib/codec/decode/decoder.js'
import { encode } from '../../../lib/codec/encode/encoder.js'
import type { Broker } from '../../../lib/index.js'
import type {
  ConnackPacket,
  ConnectPacket,
  Packet,
  ProtocolVersion,
  PublishPacket,
} from '../../../types/message/packets.js'

type PacketOf<Cmd extends Packet['cmd']> = Extract<Packet, { cmd: Cmd }>

/** Long enough for a loaded machine; only a failing test waits that long. */
const PATIENCE_MS = 10_000

export class SpecClient {
  /** Turns of the event loop that a message may take on a bus. */
  static turns = 0
  readonly stream: Duplex
  readonly version: ProtocolVersion
  readonly #decoder: Decoder
  readonly #arrived: Packet[] = []
  #waiting: (() => void)[] = []
  #closed = false

  /**
   * @param stream an open stream to the broker.
   * @default one in memory, which is passed to the broker here
   */
  constructor(broker: Pick<Broker, 'handle'>, version: ProtocolVersion = 5, stream?: Duplex) {
    const near = stream ?? streamTo(broker)
    this.stream = near
    this.version = version
    this.#decoder = new Decoder({ side: 'client', protocolVersion: version })
    near.on('data', (chunk: Buffer) => this.#receive(chunk))
    near.on('error', () => {})
    near.on('close', () => this.#end())
    near.on('end', () => this.#end())
  }

  get isClosed(): boolean {
    return this.#closed
  }

  send(...packets: Packet[]): void {
    this.stream.write(Buffer.concat(packets.map(packet => encode(packet, this.version))))
  }

  /** Sends bytes: hexadecimal, white space ignored. */
  sendBytes(hex: string): void {
    this.stream.write(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
  }

  /** Sends CONNECT and returns the CONNACK, whatever its code. */
  async connect(packet: Partial<ConnectPacket> = {}): Promise<ConnackPacket> {
    this.send(connectPacket(this.version, packet))
    return this.expect('connack')
  }

  /** The next packet; fails if the connection closes first. */
  async next(): Promise<Packet> {
    await this.#until(() => this.#arrived.length > 0 || this.#closed, 'a packet')
    const packet = this.#arrived.shift()
    assert(packet !== undefined, 'the connection was closed, a packet was expected')
    return packet
  }

  /** The next packet, which must be of this type. */
  async expect<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<PacketOf<Cmd>> {
    const packet = await this.next()
    assert.equal(packet.cmd, cmd, `expected ${cmd}, got ${JSON.stringify(packet)}`)
    return packet as PacketOf<Cmd>
  }

  /** The packets before the answer to a PINGREQ: none if the broker had nothing to send. */
  async settle(): Promise<Packet[]> {
    for (let turn = 0; turn < SpecClient.turns; turn++) await setImmediate()
    this.send({ cmd: 'pingreq' })
    const packets: Packet[] = []
    for (let packet = await this.next(); packet.cmd !== 'pingresp'; packet = await this.next()) packets.push(packet)
    return packets
  }

  async expectNothing(): Promise<void> {
    assert.deepEqual(await this.settle(), [])
  }

  /**
   * Waits for the end of the connection.
   * @returns the packets before it
   */
  async closed(): Promise<Packet[]> {
    await this.#until(() => this.#closed, 'the end of the connection')
    return this.#arrived.splice(0)
  }

  /** The connection ends with DISCONNECT of this reason code (5.0), or is closed (3.1, 3.1.1). */
  async expectDisconnect(reasonCode: number): Promise<void> {
    const packets = await this.closed()
    const last = packets.at(-1)
    if (this.version === 5) {
      assert.equal(last?.cmd, 'disconnect', `expected DISCONNECT, got ${JSON.stringify(last)}`)
      assert.equal((last as PacketOf<'disconnect'>).reasonCode, reasonCode)
    } else {
      assert.equal(last, undefined)
    }
  }

  /** Breaks the connection without DISCONNECT. */
  async drop(): Promise<void> {
    this.stream.destroy()
    await this.closed()
  }

  /** Disconnects as the standard demands. */
  async disconnect(packet: Partial<PacketOf<'disconnect'>> = {}): Promise<void> {
    this.send({ cmd: 'disconnect', ...packet })
    await this.closed()
  }

  /** Subscribes. @returns the codes of SUBACK */
  async subscribe(...subscriptions: PacketOf<'subscribe'>['subscriptions']): Promise<number[]> {
    this.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    return (await this.expect('suback')).granted
  }

  /** Publishes and goes through the handshake of the QoS. @returns the reason code of its first answer */
  async publish(packet: Pick<PublishPacket, 'topic'> & Partial<PublishPacket>): Promise<number> {
    const { qos = 0, messageId = 7 } = packet
    this.send(publishPacket({ ...packet, messageId: qos > 0 ? messageId : undefined }))
    if (qos === 0) return 0
    if (qos === 1) return (await this.expect('puback')).reasonCode ?? 0
    const { reasonCode = 0 } = await this.expect('pubrec')
    if (reasonCode < 0x80) {
      this.send({ cmd: 'pubrel', messageId })
      await this.expect('pubcomp')
    }
    return reasonCode
  }

  #receive(chunk: Buffer): void {
    this.#decoder.push(chunk)
    for (let packet = this.#decoder.next(); packet !== undefined; packet = this.#decoder.next()) {
      this.#arrived.push(packet as Packet)
    }
    assert.equal(this.#decoder.error, undefined)
    this.#wake()
  }

  #end(): void {
    this.#closed = true
    this.#wake()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    let late = false
    const timer = setTimeout(() => {
      late = true
      this.#wake()
    }, PATIENCE_MS)
    while (!condition() && !late) await new Promise<void>(resolve => this.#waiting.push(resolve))
    clearTimeout(timer)
    if (!condition()) assert.fail(`${what} was expected and did not come`)
  }
}

function streamTo(broker: Pick<Broker, 'handle'>): Duplex {
  const [near, far] = duplexPair()
  broker.handle(far)
  return near
}

/** A CONNECT with the usual fields. */
export function connectPacket(version: ProtocolVersion, packet: Partial<ConnectPacket> = {}): ConnectPacket {
  const protocolId = version === 3 ? 'MQIsdp' : 'MQTT'
  return {
    cmd: 'connect',
    protocolId,
    protocolVersion: version,
    clientId: 'client',
    clean: true,
    keepalive: 0,
    ...packet,
  }
}

/** A PUBLISH with the usual fields. */
export function publishPacket(packet: Pick<PublishPacket, 'topic'> & Partial<PublishPacket>): PublishPacket {
  return { cmd: 'publish', payload: Buffer.alloc(0), qos: 0, retain: false, dup: false, ...packet }
}
