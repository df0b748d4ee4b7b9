/**
 * Repeats a request that the engine has not answered, as while it elects a leader, for as long as this node may act. Owns
 * which failures pass; must not know the request.
 */
import type { NatsConnection } from '@nats-io/transport-node'
import { AnaxError } from '../../index.js'
import { clusterError, RefusedRequest, ServerError } from './wire.js'

const PAUSE_MS = 200

export class Patience {
  readonly #nc: Pick<NatsConnection, 'isClosed'>
  readonly #lost: AbortSignal

  /** @param lost aborted when the lease is lost */
  constructor(nc: Pick<NatsConnection, 'isClosed'>, lost: AbortSignal) {
    this.#nc = nc
    this.#lost = lost
  }

  /** Rejects with ANAX_ERR_FENCED if the lease is lost meanwhile, with ANAX_ERR_CLUSTER for a failure that does not pass. */
  async answered<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      if (this.#lost.aborted) throw clusterError(this.#lost.reason)
      try {
        return await request()
      } catch (error) {
        if (this.#nc.isClosed() || !isPassing(error)) throw clusterError(error)
      }
      await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    }
  }
}

/** A refusal for another reason than that the server is busy stays one; no answer at all does not. */
function isPassing(error: unknown): boolean {
  if (error instanceof RefusedRequest) return error.is(ServerError.Busy)
  if (isRefusal(error)) return ServerError.Busy.some(code => code === error.code || code === error.status)
  return !(error instanceof AnaxError || error instanceof TypeError || error instanceof SyntaxError)
}

/** A refusal in the form of the client of NATS. */
function isRefusal(error: unknown): error is { readonly code: number; readonly status: number } {
  const { code, status } = error as { code?: unknown; status?: unknown }
  return typeof code === 'number' && typeof status === 'number'
}
