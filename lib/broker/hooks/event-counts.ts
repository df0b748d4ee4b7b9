/** Counts the broker's events as they are emitted. Owns the numbers; must not know why anything happened. */
import type { BrokerEvents, Disconnection, DisconnectReason, SessionEndReason } from '../../../types/broker/events.js'
import type { AnaxError, ErrorCode } from '../../errors.js'

type ByCode = Partial<Record<ErrorCode, number>>

export class EventCounts {
  /** Streams passed to the broker. */
  connections = 0
  /** Accepted clients. */
  clients = 0
  /** How often a client was slowed down. */
  throttled = 0
  flapping = 0
  hookFailures = 0
  storeFailures = 0
  takeovers = 0
  leasesLost = 0
  lateWrites = 0
  readonly #refused: ByCode = {}
  readonly #publishRefused: ByCode = {}
  readonly #disconnected: Record<DisconnectReason, number> = {
    client: 0,
    'stream-closed': 0,
    'stream-error': 0,
    'keep-alive': 0,
    takeover: 0,
    administrative: 0,
    shutdown: 0,
    'protocol-error': 0,
    'not-authorized': 0,
    limit: 0,
    'drain-timeout': 0,
    failure: 0,
  }
  readonly #ended: Record<SessionEndReason, number> = { expired: 0, 'clean-start': 0, disconnected: 0, deleted: 0 }

  get refusedBy(): ByCode {
    return { ...this.#refused }
  }
  get publishRefusedBy(): ByCode {
    return { ...this.#publishRefused }
  }
  get disconnectedBy(): Record<DisconnectReason, number> {
    return { ...this.#disconnected }
  }
  get endedBy(): Record<SessionEndReason, number> {
    return { ...this.#ended }
  }

  add(name: keyof BrokerEvents, args: readonly unknown[]): void {
    switch (name) {
      case 'client':
        this.clients++
        break
      case 'clientDisconnect':
        this.#disconnected[(args[1] as Disconnection).reason]++
        break
      case 'connectionError':
        raise(this.#refused, args[1] as AnaxError)
        break
      case 'publishRefused':
        raise(this.#publishRefused, args[0] as AnaxError)
        break
      case 'sessionEnded':
        this.#ended[args[1] as SessionEndReason]++
        break
      case 'throttled':
        this.throttled++
        break
      case 'flapping':
        this.flapping++
        break
      case 'hookError':
        this.hookFailures++
        break
      case 'storeError':
        this.storeFailures++
        break
      case 'sessionTakenOver':
        this.takeovers++
        break
      case 'leaseLost':
        this.leasesLost++
        break
      case 'lateWritesRefused':
        this.lateWrites += args[0] as number
    }
  }
}

function raise(counts: ByCode, { code }: AnaxError): void {
  counts[code] = (counts[code] ?? 0) + 1
}
