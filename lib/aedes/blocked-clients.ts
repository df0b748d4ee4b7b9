/**
 * Clients whose streams are full. In Aedes, a publication calls back when the streams of all who get the message have
 * taken it: a loop that waits for that goes no faster than they read. Owns who is blocked, and who waits for them; must
 * not know what was published.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Client } from '../../types/client.js'
import { filterMatches } from '../index.js'

export class BlockedClients {
  /** Client -> whom to tell when it is blocked no more. */
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
   * Resolves when the streams of all clients that subscribe to a topic have taken what was published to it. The bus
   * delivers in the next turn of the event loop, and streams are written to in the one after it.
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
    // a stream that was given up is closed by then
    await nextTurn()
  }
}

function subscribes({ subscriptions }: Client, topic: string): boolean {
  for (const filter of subscriptions.keys()) if (filterMatches(filter, topic)) return true
  return false
}
