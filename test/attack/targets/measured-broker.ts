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

  private constructor(child: ChildProcess, [port, webSocketPort]: readonly number[]) {
    this.#child = child
    this.port = port!
    this.webSocketPort = webSocketPort!
  }

  static async start(options: BrokerOptions = {}): Promise<MeasuredBroker> {
    const url = new URL('./broker-process.js', import.meta.url)
    const child = fork(url, [JSON.stringify(options)], { execArgv: ['--expose-gc'] })
    const [{ ports }] = (await once(child, 'message')) as [{ ports: number[] }]
    return new MeasuredBroker(child, ports)
  }

  async ask<Answer = unknown>(request: Request): Promise<Answer> {
    this.#child.send(request)
    const [answer] = await once(this.#child, 'message')
    return answer as Answer
  }

  begin(): Promise<unknown> {
    return this.ask({ name: 'start' })
  }

  finish(): Promise<Measured> {
    return this.ask<Measured>({ name: 'stop' })
  }

  async end(): Promise<void> {
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }
}
