/**
 * Requests to the servers, with one answer or several. All answers come to one subscription, because each subscription
 * is announced to all servers. Owns reply subjects and time limits; must not know what is asked.
 */
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node'

export interface RequestOptions {
  /** Time limit for the first answer, and for each later one, in milliseconds. */
  readonly timeoutMs: number
  readonly headers?: MsgHdrs
}

/** A request that waits for answers. */
interface Waiting {
  readonly subject: string
  /** The answers so far; undefined if one answer is enough. */
  readonly answers: Msg[] | undefined
  /** @param answer the only answer, or all of them */
  resolve(answer: Msg | Msg[]): void
  reject(error: Error): void
  timer?: NodeJS.Timeout
}

export class Requests {
  readonly #nc: NatsConnection
  readonly #createInbox: () => string
  /** The beginning of the reply subjects; subscribed to with the first request. */
  #inbox: string | undefined
  /** By the last token of their reply subjects. */
  readonly #waiting = new Map<string, Waiting>()
  #count = 0
  #isWatched = false

  constructor(nc: NatsConnection, createInbox: () => string) {
    this.#nc = nc
    this.#createInbox = createInbox
  }

  /** Sends a request that has one answer. */
  one(subject: string, body: Uint8Array | string, options: RequestOptions): Promise<Msg> {
    return new Promise((resolve, reject) => {
      this.#send({ subject, answers: undefined, resolve: resolve as Waiting['resolve'], reject }, body, options)
    })
  }

  /** Sends a request with several answers, the last of which has a status code. */
  many(subject: string, body: Uint8Array | string, options: RequestOptions): Promise<Msg[]> {
    return new Promise((resolve, reject) => {
      this.#send({ subject, answers: [], resolve: resolve as Waiting['resolve'], reject }, body, options)
    })
  }

  #send(waiting: Waiting, body: Uint8Array | string, { timeoutMs, headers }: RequestOptions): void {
    const token = String(++this.#count)
    waiting.timer = setTimeout(() => this.#fail(token, new Error(`${waiting.subject}: no answer`)), timeoutMs)
    this.#waiting.set(token, waiting)
    try {
      const reply = this.#openInbox() + token
      this.#nc.publish(waiting.subject, body, headers === undefined ? { reply } : { reply, headers })
    } catch (error) {
      // it cannot be sent, or the connection is closed
      this.#fail(token, error as Error)
    }
  }

  #take(token: string, message: Msg): void {
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return
    const { answers, timer, resolve } = waiting
    answers?.push(message)
    if (answers === undefined || message.headers?.code) {
      clearTimeout(timer)
      this.#waiting.delete(token)
      resolve(answers ?? message)
    } else timer!.refresh()
  }

  #fail(token: string, error: Error): void {
    const waiting = this.#waiting.get(token)
    if (waiting === undefined) return
    clearTimeout(waiting.timer)
    this.#waiting.delete(token)
    waiting.reject(error)
  }

  #failAll(error: Error): void {
    for (const token of [...this.#waiting.keys()]) this.#fail(token, error)
  }

  #openInbox(): string {
    if (this.#inbox !== undefined) return this.#inbox
    const inbox = `${this.#createInbox()}.`
    this.#inbox = inbox
    this.#nc.subscribe(`${inbox}*`, {
      callback: (error, message) => {
        if (error === null) this.#take(message.subject.slice(inbox.length), message)
        else this.#closeInbox(error)
      },
    })
    if (!this.#isWatched) this.#watch()
    return inbox
  }

  /** Called when the server has refused the subscription. */
  #closeInbox(error: Error): void {
    this.#inbox = undefined
    this.#failAll(error)
  }

  /** Fails what can no longer be answered. */
  #watch(): void {
    this.#isWatched = true
    this.#nc.closed().then(error => this.#failAll(error ?? new Error('the connection is closed')))
    this.#watchStatus().catch(error => this.#failAll(error))
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.#nc.status()) {
      if (status.type === 'error') this.#refused(status.error)
      // it is asked again at once, instead of after its time limit
      else if (status.type === 'disconnect') this.#failAll(new Error('the connection has broken'))
    }
  }

  /** Called when the server does not permit something. */
  #refused(error: Error & { operation?: string; subject?: string }): void {
    if (error.operation !== 'publish') return
    for (const [token, { subject }] of [...this.#waiting]) if (subject === error.subject) this.#fail(token, error)
  }
}
