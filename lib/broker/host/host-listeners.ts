/**
 * The message listeners of the host. Owns which function listens to which filter; must not know whether the broker is
 * open.
 */
import type { MessageListener } from '../../../types/broker/broker.js'
import type { Client } from '../../../types/client/client.js'
import { AnaxError, textOf } from '../../errors.js'
import { HostListener } from '../../routing/host-listener.js'
import { isSharedFilter, isTopicFilter } from '../../topic/topic.js'
import type { BrokerParts } from '../parts/parts.js'

export class HostListeners {
  readonly #parts: Pick<BrokerParts, 'interests' | 'router' | 'events'>
  /** Listener -> filter -> the registered listener. */
  readonly #listeners = new Map<unknown, Map<string, HostListener>>()

  constructor(parts: Pick<BrokerParts, 'interests' | 'router' | 'events'>) {
    this.#parts = parts
  }

  /** @param receive the function that is called instead of the listener */
  async add(topic: string, listener: unknown, receive: unknown): Promise<void> {
    if (typeof topic !== 'string' || !isTopicFilter(topic) || isSharedFilter(topic)) {
      throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `not a topic filter: ${topic}` })
    }
    if (typeof listener !== 'function') {
      throw new AnaxError('ANAX_ERR_ARGUMENT', { detail: `listener has to be a function, got ${textOf(listener)}` })
    }
    const byTopic = this.#listeners.get(listener) ?? new Map<string, HostListener>()
    if (byTopic.has(topic)) return this.#parts.interests.registered(topic)
    const hostListener = new HostListener(receive as MessageListener, cause => this.failed(topic, cause, null))
    byTopic.set(topic, hostListener)
    this.#listeners.set(listener, byTopic)
    try {
      await this.#parts.router.listen(topic, hostListener)
    } catch (error) {
      // the listener may have been removed and added again meanwhile
      if (this.#listeners.get(listener)?.get(topic) === hostListener) await this.remove(topic, listener)
      throw error
    }
  }

  async remove(topic: string, listener: unknown): Promise<void> {
    const byTopic = this.#listeners.get(listener)
    const hostListener = byTopic?.get(topic)
    if (byTopic === undefined || hostListener === undefined) return
    byTopic.delete(topic)
    if (byTopic.size === 0) this.#listeners.delete(listener)
    this.#parts.router.unlisten(topic, hostListener)
  }

  /**
   * Reports a listener that threw or rejected.
   * @param client the client within the process whose handler it is, if it is one
   */
  failed(topic: string, cause: unknown, client: Client | null): void {
    const error = new AnaxError('ANAX_ERR_LISTENER', { detail: `subscribe ${topic}`, cause })
    this.#parts.events.emit('hookError', error, 'subscribe', client)
  }
}
