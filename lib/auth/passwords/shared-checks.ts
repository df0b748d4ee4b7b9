/**
 * Joins attempts with the same user name and password from one address into one check: the devices behind a router
 * often share a user, and connect at the same time after a restart. Owns who waits for a check; must not know how a
 * password is checked.
 */
import type { Client } from '../../../types/client/client.js'

/** A check that has begun. */
interface Check {
  /** The clients that wait for the answer. */
  readonly clients: Client[]
  readonly answer: Promise<boolean | undefined>
}

export class SharedChecks {
  readonly #begun = new Map<string, Check>()

  /**
   * Begins a check, or waits for the one that has begun.
   * @param key the same for attempts that have the same answer
   * @param begin is passed a function that tells whether a client still waits for the answer
   * @returns what `begin` returned
   */
  run(
    key: string,
    client: Client,
    begin: (isAwaited: () => boolean) => Promise<boolean | undefined> | undefined,
  ): Promise<boolean | undefined> | undefined {
    const begun = this.#begun.get(key)
    if (begun !== undefined) {
      begun.clients.push(client)
      return begun.answer
    }
    const clients = [client]
    const answer = begin(() => clients.some(({ closed }) => !closed))
    if (answer === undefined) return undefined
    this.#begun.set(key, { clients, answer })
    const end = () => this.#begun.delete(key)
    answer.then(end, end)
    return answer
  }
}
