/**
 * Faults that a test requests: failing or slow hooks, store and bus, and refused connections. Owns the rules and counts
 * the calls; the wrapped parts ask it.
 */
import type { Clock } from '../../../types/clock.js'
import { AnaxError, type ConnectRefusal, type Hooks, ReasonCode } from '../../index.js'

/** A fault, and when it occurs. */
export interface FaultOptions {
  /** The error of the call. @default none if there is a delay, otherwise an `Error` */
  error?: Error
  /** Milliseconds of the kit's clock that the call takes longer. @default 0 */
  delayMs?: number
  /** The first affected call, counted from now; 1 is the next one. @default 1 */
  at?: number
  /** How many calls are affected from then on. @default 1 */
  times?: number
}

/** A fault of the store. */
export interface StoreFaultOptions extends FaultOptions {
  /** The methods of the store that count and are affected. @default all that read or write */
  method?: string | readonly string[]
}

/** A requested fault. */
export interface Fault {
  /** The number of affected calls. */
  readonly hits: number
  /** Removes the fault. */
  remove(): void
}

/** The place of a fault. */
export type FaultPlace = 'store' | 'bus' | `hook:${keyof Hooks}`

interface Rule {
  place: FaultPlace
  methods: readonly string[] | undefined
  error: Error | undefined
  delayMs: number
  from: number
  to: number
  calls: number
  hits: number
}

/** Methods that are never affected: without them a broker cannot start, stop, or read its deadlines. */
const SPARED = new Set(['setup', 'destroy', 'recover', 'nextDeadline'])

/** Operations that make a store grow. */
const WRITES = [
  'storeRetained',
  'addSubscriptions',
  'outgoingEnqueue',
  'outgoingEnqueueCombi',
  'incomingStorePacket',
  'putWill',
  'saveSession',
  'enqueue',
  'addIncoming',
  'saveWill',
]

/** The faults that a test can cause. */
export class Faults {
  readonly #clock: Clock
  readonly #hasBus: boolean
  readonly #needHook: (name: keyof Hooks) => void
  #rules: Rule[] = []
  #refusals: ConnectRefusal[] = []

  /** For the kit only. */
  constructor(clock: Clock, { hasBus, needHook }: { hasBus: boolean; needHook: (name: keyof Hooks) => void }) {
    this.#clock = clock
    this.#hasBus = hasBus
    this.#needHook = needHook
  }

  /**
   * Refuses the next clients before any hook is called.
   * @param count number of clients
   * @param refusal the refusal.
   * @default 0x88, server unavailable
   */
  refuseConnects(count = 1, refusal: ConnectRefusal = { reasonCode: ReasonCode.ServerUnavailable }): void {
    this.#needHook('preConnect')
    this.#refusals.push(...Array<ConnectRefusal>(count).fill(refusal))
  }

  /**
   * Makes a hook fail or delays it, whether or not it is set. `authorizeForward` cannot be delayed.
   * @throws AnaxError ANAX_ERR_ARGUMENT
   */
  hook(name: keyof Hooks, options: FaultOptions = {}): Fault {
    const isSlow = (options.delayMs ?? 0) > 0
    if (name === 'authorizeForward' && isSlow) throw unusable('authorizeForward answers at once: it cannot be slow')
    this.#needHook(name)
    return this.#add(`hook:${name}`, undefined, options)
  }

  /** Makes the store fail or delays it. */
  store({ method, ...options }: StoreFaultOptions = {}): Fault {
    return this.#add('store', method === undefined ? undefined : [method].flat(), options)
  }

  /**
   * Makes `emit` of the bus fail or delays it.
   * @throws AnaxError ANAX_ERR_ARGUMENT if the kit was started without the option `mq`
   */
  bus(options: FaultOptions = {}): Fault {
    if (!this.#hasBus) throw unusable('without the option mq the broker has no bus that could fail: mq: mqemitter()')
    return this.#add('bus', undefined, options)
  }

  /** Makes the store refuse every write that needs space, as with a full disk. */
  diskFull({ times = Number.POSITIVE_INFINITY }: Pick<FaultOptions, 'times'> = {}): Fault {
    return this.#add('store', WRITES, { error: new AnaxError('ANAX_ERR_QUOTA', { detail: 'the disk is full' }), times })
  }

  /** Removes all faults. */
  clear(): void {
    this.#rules = []
    this.#refusals = []
  }

  /** The refusal for the client that connects now, if any. */
  takeRefusal(): ConnectRefusal | undefined {
    return this.#refusals.shift()
  }

  /** The fault of a call, if any. */
  at(place: FaultPlace, method: string): { error: Error | undefined; delayMs: number } | undefined {
    if (place === 'store' && SPARED.has(method)) return undefined
    for (const rule of this.#rules) {
      if (rule.place !== place || rule.methods?.includes(method) === false) continue
      rule.calls++
      if (rule.calls < rule.from || rule.calls > rule.to) continue
      rule.hits++
      return rule
    }
    return undefined
  }

  /** Waits on the kit's clock. */
  wait(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#clock.setTimeout(resolve, ms)
    })
  }

  #add(place: FaultPlace, methods: readonly string[] | undefined, options: FaultOptions): Fault {
    const { delayMs = 0, at = 1, times = 1 } = options
    const error = options.error ?? (delayMs > 0 ? undefined : new Error(`a fault of the ${place.replace(':', ' ')}`))
    const rule: Rule = { place, methods, error, delayMs, from: at, to: at + times - 1, calls: 0, hits: 0 }
    this.#rules.push(rule)
    const remove = () => {
      this.#rules = this.#rules.filter(other => other !== rule)
    }
    return {
      get hits() {
        return rule.hits
      },
      remove,
    }
  }
}

function unusable(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_ARGUMENT', { detail })
}
