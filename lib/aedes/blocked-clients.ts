/**
 * Clients whose streams are full. In Aedes, `publish` calls back when the streams of all receivers have accepted the
 * message, so that a loop that waits for it is not faster than its receivers. Owns the blocked clients and the waiting
 * callers; must not know what was published.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Client } from '../../types/client/client.js'
import { filterMatches } from '../index.js'

export class BlockedClients {
  /** Client -> callbacks for when it is no longer blocked. */
  readonly #blocked = new Map<Client, (() => void)[]>()

  /** Follows a client from now on. */
  watch(client: Client): void {
    client.on('blocked', () => {
      if (!this.#blocked.has(client)) this.#blocked.set(client, [])
    })
    const release = () => {
      const waiting = this.#blocked.get(client)
      this.#blocked.delete(client)
      for (const step of waiting ?? []) step()
    }
    client.on('drain', release)
    client.on('close', release)
  }

  /**
   * Resolves when the streams of all clients that subscribe to a topic have accepted what was published to it. The bus
   * delivers in the next turn of the event loop, and streams are written to in the one after that.
   */
  async taken(topic: string): Promise<void> {
    await nextTurn()
    await nextTurn()
    const waiting: Promise<void>[] = []
    for (const [client, steps] of this.#blocked) {
      if (subscribes(client, topic)) waiting.push(new Promise(resolve => steps.push(resolve)))
    }
    if (waiting.length === 0) return
    await Promise.all(waiting)
    // an abandoned stream is closed by then
    await nextTurn()
  }
}

function subscribes({ subscriptions }: Client, topic: string): boolean {
  for (const filter of subscriptions.keys()) if (filterMatches(filter, topic)) return true
  return false
}
