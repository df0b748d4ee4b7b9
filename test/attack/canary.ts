/**
 * A healthy pair of clients with QoS 1, 20 messages a second, in its own thread: its delays come from the broker, not
 * from the attackers. The parent ends it, and gets the latencies.
 */
import { once } from 'node:events'
import net from 'node:net'
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { connectPacket, publishPacket, subscribePacket } from './packets.js'
import type { User } from './targets/programs.js'

const INTERVAL_MS = 50

/** Latencies in milliseconds. */
export interface Latency {
  p50: number
  p99: number
  /** The number of lost messages. */
  lost: number
}

/**
 * @param user of both clients, if the broker requires one.
 * @returns a function that ends it
 */
export async function startCanary(port: number, user?: User): Promise<() => Promise<Latency>> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { port, user } satisfies Setup })
  await once(worker, 'message')
  return async () => {
    worker.postMessage('end')
    const [latency] = (await once(worker, 'message')) as [Latency]
    await worker.terminate()
    return latency
  }
}

async function dial(port: number, ...packets: Buffer[]): Promise<net.Socket> {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  socket.write(Buffer.concat(packets))
  await once(socket, 'data')
  return socket
}

interface Setup {
  port: number
  user: User | undefined
}

async function run({ port, user }: Setup): Promise<void> {
  const credentials = user && { username: user.name, password: Buffer.from(user.password) }
  const subscriber = await dial(port, connectPacket('canary-in', credentials), subscribePacket(['canary'], 0))
  const publisher = await dial(port, connectPacket('canary-out', credentials))
  const sent = new Map<number, number>()
  const took: number[] = []
  let kept = Buffer.alloc(0)
  subscriber.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk])
    for (let at = kept.indexOf('#n'); at !== -1 && at + 10 <= kept.length; at = kept.indexOf('#n')) {
      took.push(performance.now() - sent.get(Number(kept.toString('latin1', at + 2, at + 10)))!)
      kept = kept.subarray(at + 10)
    }
  })
  let number = 0
  const timer = setInterval(() => {
    sent.set(++number, performance.now())
    const payload = Buffer.from(`#n${String(number).padStart(8, '0')}`)
    publisher.write(publishPacket('canary', payload, 1, (number % 65_000) + 1))
  }, INTERVAL_MS)
  parentPort!.postMessage('started')
  await once(parentPort!, 'message')
  clearInterval(timer)
  await pause(500)
  took.sort((one, other) => one - other)
  const at = (share: number) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0
  parentPort!.postMessage({ p50: at(0.5), p99: at(0.99), lost: number - took.length } satisfies Latency)
}

if (!isMainThread) await run(workerData as Setup)
