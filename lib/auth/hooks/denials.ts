/**
 * Denials: their stable codes, their event, and a log that cannot be flooded.
 * Knows no rule; must not know what follows from a denial.
 */
import type { Client } from '../../../types/client/client.js'
import type { Clock } from '../../../types/clock.js'
import { shownName } from '../../index.js'

/** Why something was denied; docs/security/authentication.md explains each code. Match on codes, never on texts. */
export type DenialCode =
  | 'no-credentials'
  | 'unknown-user'
  | 'wrong-password'
  | 'malformed-credentials'
  | 'too-many-attempts'
  | 'identity-mismatch'
  | 'not-accepted-here'
  | 'token-missing'
  | 'token-invalid'
  | 'token-expired'
  | 'token-claims'
  | 'keys-unavailable'
  | 'certificate-unusable'
  | 'certificate-revoked'
  | 'revocation-list-expired'
  | 'service-refused'
  | 'service-unavailable'
  | 'proof-wrong'
  | 'credentials-withdrawn'
  | 'subscription-withdrawn'
  | 'will-not-allowed'
  | 'identity-unknown'
  | 'rule-denies'
  | 'no-rule'
  | 'wider-than-rules'
  | 'unsafe-name'
  | 'reserved-topic'
  | 'publisher-not-allowed'
  | 'nobody-knows'

/** The argument of the event `denied`. */
export interface Denial {
  action: 'connect' | 'stay' | 'publish' | 'subscribe' | 'receive'
  code: DenialCode
  /** Null for a will whose connection has ended. */
  client: Client | null
  clientId: string
  username: string | undefined
  /** Topic or filter; undefined if the connection is denied. */
  topic: string | undefined
  /** The module that decided. */
  by: string
  /** The rule that decided, if any. */
  rule: string | undefined
  /** Whether it was allowed nevertheless, because of a dry run. */
  dryRun: boolean
}

/** How long denials of one kind are counted before a line is written about them. */
const REPORT_MS = 5000

/** Kinds that are counted separately at a time; the others are counted together. */
const MAX_KINDS = 100

const FURTHER = 'denied: more than there are lines for'

/** Writes a line for the first denial of a kind, then one line in five seconds with the number of repeats. */
export class DenialLog {
  readonly #write: (line: string) => void
  readonly #clock: Clock
  readonly #counts = new Map<string, number>()
  #timer: unknown

  constructor(write: (line: string) => void, clock: Clock) {
    this.#write = write
    this.#clock = clock
  }

  add(denial: Denial): void {
    const line = describe(denial)
    const kind = this.#counts.has(line) || this.#counts.size < MAX_KINDS ? line : FURTHER
    const count = this.#counts.get(kind)
    this.#counts.set(kind, (count ?? -1) + 1)
    if (count === undefined) this.#write(kind)
    this.#timer ??= this.#later()
  }

  close(): void {
    if (this.#timer !== undefined) this.#clock.clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #later(): unknown {
    const timer = this.#clock.setTimeout(() => this.#report(), REPORT_MS)
    if (timer instanceof Object && 'unref' in timer) (timer as NodeJS.Timeout).unref()
    return timer
  }

  #report(): void {
    this.#timer = undefined
    for (const [kind, more] of this.#counts) if (more > 0) this.#write(`${kind} (${more} more)`)
    this.#counts.clear()
  }
}

function describe({ action, code, clientId, username, topic, rule, dryRun }: Denial): string {
  const who = username === undefined ? 'anonymous' : `user ${nameOf(username)}`
  const what = topic === undefined ? action : `${action} ${quote(topic)}`
  const reason = rule === undefined ? code : `${code}, ${rule}`
  return `${dryRun ? 'would be denied' : 'denied'}: client ${quote(clientId)}, ${who}: ${what} (${reason})`
}

function nameOf(username: string): string {
  const shown = shownName(username)
  return shown === username ? quote(username) : shown
}

/** Formats text chosen by a client: quoted, truncated, without control characters. */
function quote(text: string): string {
  const short = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return JSON.stringify(short).replaceAll(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, character => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
