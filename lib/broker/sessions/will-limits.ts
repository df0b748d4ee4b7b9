/**
 * Counts the stored wills and their bytes, and decides whether there is room for another. Must not know when one is
 * due.
 */
import type { ScheduledWill, StoredWill } from '../../../types/persistence.js'
import { messageBytes } from '../../codec/message-bytes.js'
import { AnaxError } from '../../errors.js'
import type { ResolvedOptions } from '../../ports/resolved-options.js'

export class WillLimits {
  readonly #options: Pick<ResolvedOptions, 'maxWills' | 'maxWillBytes'>
  /** Client identifier -> bytes of its will. */
  readonly #stored = new Map<string, number>()
  #bytes = 0

  constructor(options: Pick<ResolvedOptions, 'maxWills' | 'maxWillBytes'>) {
    this.#options = options
  }

  get count(): number {
    return this.#stored.size
  }
  get bytes(): number {
    return this.#bytes
  }

  /** Counts the wills of an earlier run. */
  async recover(wills: Iterable<ScheduledWill> | AsyncIterable<ScheduledWill>): Promise<void> {
    for await (const { clientId, will } of wills) this.#set(clientId, bytesOf(will))
  }

  /**
   * Counts a will that is about to be stored, in place of the client's earlier one.
   * @throws AnaxError ANAX_ERR_QUOTA; then nothing was counted
   */
  add(clientId: string, will: StoredWill): void {
    const { maxWills, maxWillBytes } = this.#options
    const earlier = this.#stored.get(clientId)
    const bytes = bytesOf(will)
    if (earlier === undefined && this.#stored.size >= maxWills) throw quotaError(`already ${maxWills} stored wills`)
    if (this.#bytes - (earlier ?? 0) + bytes > maxWillBytes) {
      throw quotaError(`all stored wills together may have ${maxWillBytes} bytes`)
    }
    this.#set(clientId, bytes)
  }

  remove(clientId: string): void {
    this.#bytes -= this.#stored.get(clientId) ?? 0
    this.#stored.delete(clientId)
  }

  #set(clientId: string, bytes: number): void {
    this.remove(clientId)
    this.#stored.set(clientId, bytes)
    this.#bytes += bytes
  }
}

function bytesOf({ topic, payload, properties, publisher }: StoredWill): number {
  const claims = publisher?.claims === undefined ? 0 : Buffer.byteLength(JSON.stringify(publisher.claims))
  return Buffer.byteLength(topic) + messageBytes({ payload, properties }) + claims
}

function quotaError(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_QUOTA', { detail, scope: 'connection' })
}
