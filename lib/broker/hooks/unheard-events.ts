/**
 * Events that no listener of the host hears, although it should know: its own code, store or bus failed, a limit of the
 * broker was reached, or a message was lost. The first of each kind becomes a process warning. Otherwise a mistake in a
 * hook would show only as refused clients, and a queue that is too small only as missing messages.
 */
import type { BrokerEvents, Drop, DropReason, Overload } from '../../../types/broker/events.js'
import type { AnaxError, ErrorCode } from '../../errors.js'
import { placeOf, warnUnheard } from '../../util/unheard-warning.js'

type EventName = keyof BrokerEvents

/** Failures behind the broker: a client that is refused because of them has done nothing wrong. */
const FAILURES: ReadonlySet<ErrorCode> = new Set(['ANAX_ERR_STORE', 'ANAX_ERR_BUS', 'ANAX_ERR_CLUSTER'])
/** The same, and limits of the whole broker. */
const REFUSED_CLIENTS: ReadonlySet<ErrorCode> = new Set([
  ...FAILURES,
  'ANAX_ERR_SERVER_BUSY',
  'ANAX_ERR_SERVER_UNAVAILABLE',
])
const REFUSED_MESSAGES: ReadonlySet<ErrorCode> = new Set([...FAILURES, 'ANAX_ERR_QUOTA'])

/** Losses that the client or the host has asked for, or that the event `overload` tells. */
const EXPECTED: ReadonlySet<DropReason> = new Set([
  'expired',
  'not-forwarded',
  'disconnected',
  'session-ended',
  'refused',
  'overload',
])

export class UnheardEvents {
  readonly #told = new Set<string>()

  /** Called with each event that has no listener. */
  notice(name: EventName, args: readonly unknown[]): void {
    switch (name) {
      case 'hookError':
      case 'storeError':
        this.#failed(name, args[0] as AnaxError, args[1] as string | undefined)
        break
      case 'clientError':
      case 'connectionError':
        this.#refused(name, args[1] as AnaxError, REFUSED_CLIENTS)
        break
      case 'publishRefused':
        this.#refused(name, args[0] as AnaxError, REFUSED_MESSAGES)
        break
      case 'overload':
        this.#tell(name, name, `overloaded (${(args[0] as Overload).cause}): clients are refused, QoS 0 is dropped`)
        break
      case 'clockWrong':
        this.#tell(name, name, clockText(args[0] as number))
        break
      case 'drop':
        this.#dropped(args[0] as Drop)
    }
  }

  #refused(name: EventName, error: AnaxError, told: ReadonlySet<ErrorCode>): void {
    if (told.has(error.code)) this.#failed(name, error)
  }

  #failed(name: EventName, error: AnaxError, where = ''): void {
    this.#tell(name, `${name} ${error.code} ${where} ${placeOf(error.cause)}`, error.message, error.cause)
  }

  #dropped({ clientId, message: { topic }, reason }: Drop): void {
    if (EXPECTED.has(reason)) return
    this.#tell('drop', `drop ${reason}`, `a message to ${topic} was dropped for the client ${clientId}: ${reason}`)
  }

  #tell(name: EventName, kind: string, message: string, cause?: unknown): void {
    if (this.#told.has(kind)) return
    this.#told.add(kind)
    const hint = `this is reported once; listen to '${name}' of the broker, or set its option 'logger', to see each`
    warnUnheard(`${message}; ${hint}`, cause)
  }
}

function clockText(aheadMs: number): string {
  const difference = `${Math.abs(aheadMs)} ms ${aheadMs > 0 ? 'ahead of' : 'behind'}`
  return `the clock of this node is ${difference} that of the cluster: sessions, wills and messages end at wrong times`
}
