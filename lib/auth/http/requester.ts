/**
 * Sends requests to a service, with a time limit, a limit of concurrent requests, and a pause after repeated failures.
 * Owns these; must not know the content of requests.
 */
import type { Clock } from '../../../types/clock.js'
import type { HttpAnswer } from './presets.js'

export interface RequesterOptions {
  clock: Clock
  timeoutMs: number
  concurrency: number
  maxWaiting: number
  /** Consecutive failures before a pause. */
  failures: number
  /** Duration of the pause; then a single request tests the service. */
  pauseMs: number
  headers: Readonly<Record<string, string>>
}

/** Longer answers are invalid. */
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

  /** Sends JSON. @returns undefined if there is no valid answer, for whatever reason */
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
    // this request tests the service; the others wait for the result
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

/** Parses JSON. Some services answer in plain text, or with an empty body and a status. */
function parse(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
