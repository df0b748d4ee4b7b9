/**
 * Requests to a service, with a time limit, a bound on how many at once, and a pause when it fails again and again.
 * Owns those; must not know what is asked.
 */
import type { Clock } from '../../../types/clock.js'
import type { HttpAnswer } from './presets.js'

export interface RequesterOptions {
  clock: Clock
  timeoutMs: number
  concurrency: number
  maxWaiting: number
  /** Failures one after the other until it is left alone. */
  failures: number
  /** How long; then one request tries whether it works again. */
  pauseMs: number
  headers: Readonly<Record<string, string>>
}

/** Longer answers are none. */
const MAX_ANSWER_BYTES = 65_536

export class Requester {
  readonly #options: RequesterOptions
  readonly #waiting: (() => void)[] = []
  #running = 0
  #failed = 0
  #pausedUntil = 0

  constructor(options: RequesterOptions) {
    this.#options = options
  }

  /** Sends JSON. @returns undefined where there is no answer, for whatever reason */
  async post(url: string, content: object): Promise<HttpAnswer | undefined> {
    const { concurrency, maxWaiting } = this.#options
    const mustWait = this.#running >= concurrency
    if (mustWait && this.#waiting.length >= maxWaiting) return undefined
    if (mustWait) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#running++
    try {
      return this.#isPaused() ? undefined : await this.#attempt(url, content)
    } finally {
      const next = this.#waiting.shift()
      if (next !== undefined) next()
      else this.#running--
    }
  }

  #fail(): void {
    this.#failed++
    const { failures, pauseMs, clock } = this.#options
    if (this.#failed >= failures) this.#pausedUntil = clock.now() + pauseMs
  }

  #isPaused(): boolean {
    const { failures, pauseMs, clock } = this.#options
    if (this.#failed < failures) return false
    const now = clock.now()
    if (now < this.#pausedUntil) return true
    // this one tries; the others wait for what comes of it
    this.#pausedUntil = now + pauseMs
    return false
  }

  async #attempt(url: string, content: object): Promise<HttpAnswer | undefined> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { accept: 'application/json', ...this.#options.headers, 'content-type': 'application/json' },
        body: JSON.stringify(content),
        redirect: 'error',
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      })
      const answer = { status: response.status, body: parse(await readText(response)) }
      if (response.status >= 500) this.#fail()
      else this.#failed = 0
      return answer
    } catch {
      this.#fail()
      return undefined
    }
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    length += chunk.length
    if (length > MAX_ANSWER_BYTES) throw new RangeError('the answer is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Some services answer in plain text, or not at all; their status says it. */
function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
