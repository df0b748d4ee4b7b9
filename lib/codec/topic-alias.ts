/**
 * Topic aliases of one connection, one class per direction [MQTT 5.0, 3.3.2.3.4].
 * Both start empty with each connection; must not know what is published.
 */
import type { PublishPacket } from '../../types/message/packets.js'
import { AnaxError } from '../errors.js'

/** Aliases that the client defines: replaces them with topics, so that upper layers see only topics. */
export class InboundTopicAliases {
  readonly #maximum: number
  readonly #topics = new Map<number, string>()

  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** Replaces the packet's alias with its topic. @returns the error if the alias cannot be resolved */
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

/** The alias of one PUBLISH: alone, together with its topic, or none. */
export interface OutboundAlias {
  alias: number
  /** `known`: the client knows the alias, so that the topic can be omitted. */
  state: 'known' | 'new'
}

/** An alias takes three bytes of properties: it saves nothing for a topic that is not longer. */
const SHORTEST_TOPIC = 4

/** Aliases that the broker defines: for the first topics that are long enough, as many as the client allows. */
export class OutboundTopicAliases {
  readonly #maximum: number
  readonly #aliases = new Map<string, number>()

  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** The alias for a topic that is about to be sent. It counts as defined from now on. */
  assign(topic: string): OutboundAlias | undefined {
    const known = this.#aliases.get(topic)
    if (known !== undefined) return { alias: known, state: 'known' }
    if (this.#aliases.size >= this.#maximum || topic.length < SHORTEST_TOPIC) return undefined
    const alias = this.#aliases.size + 1
    this.#aliases.set(topic, alias)
    return { alias, state: 'new' }
  }

  /** Revokes the last assigned alias, because its packet was not sent. */
  takeBack(topic: string): void {
    this.#aliases.delete(topic)
  }
}
