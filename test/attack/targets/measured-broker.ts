/** A broker of this package as a target: in a process that measures itself. Must not know the attacks. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { endWithUs } from '../../support/programs/left-behind.js'
import { inTime } from '../waiting.js'
import type { Request, Setup } from './broker-process.js'
import type { Measured, Ports, Target } from './target.js'

export class MeasuredBroker implements Target {
  readonly ports: Ports
  readonly #child: ChildProcess
  readonly #measures: boolean

  private constructor(child: ChildProcess, ports: Ports, measures: boolean) {
    this.#child = child
    this.#measures = measures
    this.ports = ports
  }

  /** @param measures false to compare it with other brokers, because measuring each turn takes time */
  static async start(setup: Setup, measures = true): Promise<MeasuredBroker> {
    const url = new URL('./broker-process.js', import.meta.url)
    const child = endWithUs(fork(url, [JSON.stringify(setup)], { execArgv: ['--expose-gc'] }))
    const [{ ports }] = (await inTime('broker', once(child, 'message'))) as [{ ports: Ports }]
    return new MeasuredBroker(child, ports, measures)
  }

  async ask<Answer = unknown>(request: Request): Promise<Answer> {
    this.#child.send(request)
    const [answer] = await inTime(`answer to ${request.name}`, once(this.#child, 'message'))
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
