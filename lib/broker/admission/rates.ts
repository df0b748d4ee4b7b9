/**
 * The rates of a broker: per client, per address, and in total. Owns their buckets; must not know what happens to a
 * client that exceeds a rate.
 */

import type { RateLimit } from '../../../types/broker/events.js'
import type { Client } from '../../../types/client/client.js'
import type { ClientLimits } from '../../../types/client/limits.js'
import type { InboundRates, RateOptions, Rates } from '../../../types/client/rates.js'
import { AnaxError } from '../../errors.js'
import type { LimitedRate } from '../../ports/admission.js'
import { IdleMap } from '../../util/collections/idle-map.js'
import { networkOf } from '../../util/network.js'
import { RateBucket } from '../../util/scheduling/rate-bucket.js'
import type { Timers } from '../../util/scheduling/timers.js'

/** The buckets of one address, or the common ones. */
interface Shared {
  readonly rates: readonly LimitedRate[]
  readonly connects: RateBucket | undefined
  /** Connected clients. */
  readonly clients: Set<Client>
}

const NO_RATES: readonly LimitedRate[] = []

export class BrokerRates {
  readonly #options: RateOptions
  readonly #timers: Timers
  readonly #total: Shared
  readonly #addresses = new IdleMap<Shared>(isIdle)
  /** By client identifier and address: by the identifier alone, anybody could lock a client out. */
  readonly #connects = new IdleMap<RateBucket>(bucket => bucket.isFull)

  constructor(options: RateOptions, timers: Timers) {
    this.#options = options
    this.#timers = timers
    this.#total = this.#shared('total', options.total)
  }

  /** The current number of known addresses. */
  get addresses(): number {
    return this.#addresses.size
  }

  /** Counts a CONNECT. @returns why it is refused */
  connectRefusal(client: Client, clientId: string): AnaxError | undefined {
    const own = this.#options.client?.connectsPerSecond
    const ofClient = own === undefined ? undefined : this.#connectsOf(client, clientId, own)
    const ofAddress = this.#addressOf(client)?.connects
    // a refused CONNECT takes no tokens from the other buckets
    if (ofClient?.take() === false) return tooMany('of this client', own)
    if (ofAddress?.take() === false) {
      ofClient?.giveBack()
      return tooMany('of this address', this.#options.address?.connectsPerSecond)
    }
    if (this.#total.connects?.take() === false) {
      ofClient?.giveBack()
      ofAddress?.giveBack()
      return tooMany('of all clients', this.#options.total?.connectsPerSecond)
    }
    return undefined
  }

  /** The rates of an accepted client. @param limits those that a hook returned for it */
  of(client: Client, limits: ClientLimits | undefined): readonly LimitedRate[] {
    const { client: ofClient, address: ofAddress, total } = this.#options
    if ((limits ?? ofClient ?? ofAddress ?? total) === undefined) return NO_RATES
    const own = this.#inbound('client', { ...this.#options.client, ...limits })
    const address = this.#addressOf(client)
    if (address !== undefined && address.rates.length > 0 && !address.clients.has(client)) {
      address.clients.add(client)
      client.once('close', () => address.clients.delete(client))
    }
    return [...own, ...(address?.rates ?? []), ...this.#total.rates]
  }

  #addressOf({ address }: Client): Shared | undefined {
    const rates = this.#options.address
    if (rates === undefined || address === undefined) return undefined
    return this.#addresses.obtain(networkOf(address), () => this.#shared('address', rates))
  }

  #connectsOf({ address = '' }: Client, clientId: string, perSecond: number): RateBucket {
    return this.#connects.obtain(`${networkOf(address)} ${clientId}`, () => new RateBucket(perSecond, this.#timers))
  }

  #shared(of: RateLimit['of'], rates: Rates = {}): Shared {
    return { rates: this.#inbound(of, rates), connects: this.#bucket(rates.connectsPerSecond), clients: new Set() }
  }

  #inbound(of: RateLimit['of'], { messagesPerSecond, bytesPerSecond }: InboundRates): LimitedRate[] {
    const messages = this.#bucket(messagesPerSecond)
    const bytes = this.#bucket(bytesPerSecond)
    return [
      ...(messages === undefined ? [] : [{ of, what: 'messages', bucket: messages } as const]),
      ...(bytes === undefined ? [] : [{ of, what: 'bytes', bucket: bytes } as const]),
    ]
  }

  #bucket(perSecond = Number.POSITIVE_INFINITY): RateBucket | undefined {
    return perSecond === Number.POSITIVE_INFINITY ? undefined : new RateBucket(perSecond, this.#timers)
  }
}

function isIdle({ clients, connects, rates }: Shared): boolean {
  return clients.size === 0 && connects?.isFull !== false && rates.every(({ bucket }) => bucket.isFull)
}

function tooMany(whose: string, perSecond: number | undefined): AnaxError {
  return new AnaxError('ANAX_ERR_CONNECT_RATE', { detail: `more than ${perSecond} per second ${whose}` })
}
