/**
 * Topic aliases of one connection, one class per direction [MQTT 5.0, 3.3.2.3.4].
 * They begin empty with every connection; must not know what is published.
 */
import type { PublishPacket } from '../../types/packets.js'
import { AnaxError } from '../errors.js'

/** Aliases that the client defines: resolves them, so that nothing above sees one. */
export class InboundTopicAliases {
  readonly #maximum: number
  readonly #topics = new Map<number, string>()

  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** Puts the real topic into the packet. @returns the error, where the alias cannot be resolved */
  resolve(packet: PublishPacket): AnaxError | undefined {
    const { topicAlias: alias, ...properties } = packet.properties!
    if (alias === undefined) return undefined
    packet.properties = properties
    // [MQTT-3.3.2-8], [MQTT-3.3.2-9]: from 1 up to what the broker announced
    if (alias === 0 || alias > this.#maximum) {
      return new AnaxError('ANAX_ERR_TOPIC_ALIAS', { detail: `${alias}, the maximum is ${this.#maximum}` })
    }
    if (packet.topic !== '') {
      this.#topics.set(alias, packet.topic)
      return undefined
    }
    const topic = this.#topics.get(alias)
    if (topic === undefined) {
      return new AnaxError('ANAX_ERR_PROTOCOL', { detail: `PUBLISH: topic alias ${alias} was never defined` })
    }
    packet.topic = topic
    return undefined
  }
}

/** What to write into one PUBLISH: an alias alone, an alias with its topic, or none. */
export interface OutboundAlias {
  alias: number
  /** `known`: the client has it, and the topic can be left out. */
  state: 'known' | 'new'
}

/** An alias costs three bytes of properties: a topic that is not longer gains nothing. */
const SHORTEST_TOPIC = 4

/** Aliases that the broker defines: the first topics that are worth one, as many as the client allows. */
export class OutboundTopicAliases {
  readonly #maximum: number
  readonly #aliases = new Map<string, number>()

  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** The alias for a topic that is about to be sent; it counts as defined from now on. */
  assign(topic: string): OutboundAlias | undefined {
    const known = this.#aliases.get(topic)
    if (known !== undefined) return { alias: known, state: 'known' }
    if (this.#aliases.size >= this.#maximum || topic.length < SHORTEST_TOPIC) return undefined
    const alias = this.#aliases.size + 1
    this.#aliases.set(topic, alias)
    return { alias, state: 'new' }
  }

  /** The alias that was assigned last did not go out after all. */
  takeBack(topic: string): void {
    this.#aliases.delete(topic)
  }
}
