/** The broker of this library as a target: in a process that answers what it measured. Must not know the attacks. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { BrokerOptions } from '../../../types/options.js'
import type { Measured, Request } from './broker-process.js'
import type { Target } from './target.js'

export class MeasuredBroker implements Target {
  readonly port: number
  readonly webSocketPort: number
  readonly #child: ChildProcess
  readonly #measures: boolean

  private constructor(child: ChildProcess, [port, webSocketPort]: readonly number[], measures: boolean) {
    this.#child = child
    this.#measures = measures
    this.port = port!
    this.webSocketPort = webSocketPort!
  }

  /** @param measures false for one that is compared with others: to measure each turn takes time */
  static async start(options: BrokerOptions = {}, measures = true): Promise<MeasuredBroker> {
    const url = new URL('./broker-process.js', import.meta.url)
    const child = fork(url, [JSON.stringify(options)], { execArgv: ['--expose-gc'] })
    const [{ ports }] = (await once(child, 'message')) as [{ ports: number[] }]
    return new MeasuredBroker(child, ports, measures)
  }

  async ask<Answer = unknown>(request: Request): Promise<Answer> {
    this.#child.send(request)
    const [answer] = await once(this.#child, 'message')
    return answer as Answer
  }

  async begin(): Promise<void> {
    if (this.#measures) await this.ask({ name: 'start' })
  }

  async finish(): Promise<Partial<Measured>> {
    return this.#measures ? await this.ask<Measured>({ name: 'stop' }) : {}
  }

  async end(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}
