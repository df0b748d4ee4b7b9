/** One port for several brokers: each connection goes to one of those that are running. Knows no protocol. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Random } from '../random.js'

export class Balancer {
  readonly #server: Server
  readonly #targets: readonly number[]
  readonly #random: Random

  private constructor(targets: readonly number[], random: Random) {
    this.#targets = targets
    this.#random = random
    this.#server = createServer({ noDelay: true }, socket => this.#connect(socket))
  }

  static async to(targets: readonly number[], random: Random): Promise<Balancer> {
    const balancer = new Balancer(targets, random)
    await once(balancer.#server.listen(0, '127.0.0.1'), 'listening')
    return balancer
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port
  }

  close(): void {
    this.#server.close()
  }

  /** Tries each of them in turn, until one accepts. */
  async #connect(near: Socket): Promise<void> {
    near.on('error', () => {})
    const first = this.#random.between(0, this.#targets.length - 1)
    for (let i = 0; i < this.#targets.length && !near.destroyed; i++) {
      const far = await open(this.#targets[(first + i) % this.#targets.length]!)
      if (far === undefined) continue
      near.pipe(far).pipe(near)
      near.once('close', () => far.destroy())
      far.once('close', () => near.destroy())
      return
    }
    near.destroy()
  }
}

function open(port: number): Promise<Socket | undefined> {
  return new Promise(resolve => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.on('error', () => resolve(undefined))
    socket.once('connect', () => resolve(socket))
  })
}
