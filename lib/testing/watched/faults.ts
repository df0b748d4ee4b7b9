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
  /** The first call that is affected, counted from now; 1 is the next one. @default 1 */
  at?: number
  /** How many calls are affected from there on. @default 1 */
  times?: number
}

/** A fault of the store. */
export interface StoreFaultOptions extends FaultOptions {
  /** Which methods of the store count, and are affected. @default all that read or write */
  method?: string | readonly string[]
}

/** A fault that was asked for. */
export interface Fault {
  /** How many calls it has affected. */
  readonly hits: number
  /** Takes it back. */
  remove(): void
}

/** Where a fault is looked for. */
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

/** Without these a broker cannot start, stop, or know its time. */
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

  /** For the kit alone. */
  constructor(clock: Clock, { hasBus, needHook }: { hasBus: boolean; needHook: (name: keyof Hooks) => void }) {
    this.#clock = clock
    this.#hasBus = hasBus
    this.#needHook = needHook
  }

  /**
   * The next clients are refused, before any hook is asked.
   * @param count how many
   * @param refusal what they are told. @default 0x88, server unavailable
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
   * @throws AnaxError ANAX_ERR_ARGUMENT where the kit was started without the option `mq`
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

  /** Whether the client that connects now is refused. */
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

  /** Lets time pass on the kit's clock. */
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
