/** What a client may do to a broker, and what has to hold meanwhile. One row each; `docs/reliability.md` has the figures. */
import type { BrokerOptions } from '../../types/options.js'
import { type Attacked, connectPacket, publishPacket, quiet, subscribePacket } from './attacked.js'

export interface Scenario {
  name: string
  /** Of the broker. */
  options?: BrokerOptions
  /** Milliseconds of CPU time that one turn of the event loop may take. */
  maxTurnMs: number
  /** @param scale 1 for the whole attack, less for a short form. @returns what is measured */
  prepare(broker: Attacked, scale: number): Promise<() => Promise<unknown>>
}

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))
const small = publishPacket('t', Buffer.from('0123456789'))

function burst(bytes: number, subscribers: number): Scenario['prepare'] {
  return async (broker, scale) => {
    const receivers = await broker.clients(Math.ceil(subscribers * scale), 's', subscribePacket(['t'], 0))
    const publisher = await broker.client('p')
    const messages = Buffer.concat(Array.from({ length: Math.floor(bytes / small.length) }, () => small))
    return async () => {
      publisher.write(messages)
      await quiet(receivers)
    }
  }
}

export const SCENARIOS: readonly Scenario[] = [
  { name: '34 KB of small messages to 200', maxTurnMs: 20, prepare: burst(34_000, 200) },
  { name: '137 KB of small messages to 500', maxTurnMs: 20, prepare: burst(137_000, 500) },
  {
    name: 'one message to 100,000',
    options: { maxConnections: 1_000_000_000 },
    maxTurnMs: 20,
    async prepare(broker, scale) {
      const packets = Buffer.concat([connectPacket('########'), subscribePacket(['t'], 0)])
      await broker.ask({ name: 'sinks', count: 100_000 * scale, connect: packets.toString('hex') })
      const publisher = await broker.client('p', subscribePacket(['done'], 0))
      return async () => {
        publisher.write(Buffer.concat([small, publishPacket('done', Buffer.from('x'), 0)]))
        await quiet([publisher], 1000)
      }
    },
  },
  {
    name: 'a flood of QoS 0 of one among 100',
    maxTurnMs: 20,
    async prepare(broker, scale) {
      const receivers = await broker.clients(100, 's', subscribePacket(['t'], 0))
      const publisher = await broker.client('p')
      const chunk = Buffer.concat(Array.from({ length: 2000 }, () => small))
      return async () => {
        const until = Date.now() + 4000 * scale
        while (Date.now() < until) {
          if (!publisher.write(chunk))
            await Promise.race([pause(100), new Promise(done => publisher.once('drain', done))])
        }
        await quiet(receivers, 500)
      }
    },
  },
  {
    name: '10,000 connects, dropped at once',
    maxTurnMs: 20,
    async prepare(broker, scale) {
      return async () => {
        const sockets = await broker.clients(Math.ceil(10_000 * scale), 'c')
        for (const socket of sockets) socket.destroy()
        await pause(2000)
      }
    },
  },
  {
    name: '1,000 subscribe # with 100,000 retained',
    options: { maxRetainedMessages: 1_000_000_000 },
    maxTurnMs: 20,
    async prepare(broker, scale) {
      const count = 100_000 * scale
      const publisher = await broker.client('p')
      for (let i = 0; i < count; i += 1000) {
        const group = Array.from({ length: 1000 }, (_, j) =>
          publishPacket(`r/${i + j}`, Buffer.from('x'), 0, undefined, true),
        )
        if (!publisher.write(Buffer.concat(group))) await new Promise(done => publisher.once('drain', done))
      }
      await pause(1000)
      return async () => {
        const receivers = await broker.clients(Math.ceil(1000 * Math.sqrt(scale)), 's', subscribePacket(['#'], 0))
        await Promise.race([quiet(receivers, 2000), pause(20_000)])
      }
    },
  },
  {
    name: '2,000,000 filters of one client',
    maxTurnMs: 20,
    async prepare(broker, scale) {
      const client = await broker.client('f')
      return async () => {
        for (let i = 0; i < 2_000_000 * scale; i += 10_000) {
          const topics = Array.from({ length: 10_000 }, (_, j) => `${i + j}`)
          if (!client.write(subscribePacket(topics, 0))) {
            await Promise.race([pause(5000), new Promise(done => client.once('drain', done))])
          }
          if (client.destroyed) break
        }
        await quiet([client], 1000)
      }
    },
  },
  {
    name: '32,768 filters of 15 levels against matching topics',
    options: { maxSubscriptions: 1_000_000_000 },
    maxTurnMs: 20,
    async prepare(broker, scale) {
      const client = await broker.client('f')
      const count = 32_768 * scale
      for (let i = 0; i < count; i += 500) {
        const topics = Array.from({ length: Math.min(500, count - i) }, (_, j) => plusOrA(i + j))
        client.write(subscribePacket(topics, 0))
        await pause(10)
      }
      await quiet([client], 1000)
      const publisher = await broker.client('p')
      const matching = Array.from({ length: 50 }, (_, i) =>
        publishPacket(`a/a/a/a/a/a/a/a/a/a/a/a/a/a/${i % 2 ? 'a' : `a${i}`}`, Buffer.from('x')),
      )
      return async () => {
        publisher.write(Buffer.concat(matching))
        await quiet([client], 1000)
      }
    },
  },
  {
    name: '5,000 clients that never acknowledge',
    maxTurnMs: 20,
    async prepare(broker, scale) {
      const receivers = await broker.clients(5000 * scale, 's', subscribePacket(['t'], 1))
      const publisher = await broker.client('p')
      return async () => {
        for (let i = 1; i <= 200; i++) publisher.write(publishPacket('t', Buffer.alloc(100), 1, i))
        await Promise.race([quiet(receivers, 1000), pause(20_000)])
      }
    },
  },
]

function plusOrA(number: number): string {
  return Array.from({ length: 15 }, (_, bit) => ((number >> bit) & 1 ? '+' : 'a')).join('/')
}
