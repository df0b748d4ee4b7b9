/**
 * One crash test: publishers and subscribers at work while the broker is killed again and again.
 * Owns the order of events; what counts as a fault is decided here and in the verdict.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { World } from './actor.js'
import { type BrokerName, BrokerProcess, freePort } from './broker-process.js'
import { Churner } from './churner.js'
import { connectPacket, Link } from './link.js'
import { Mourner } from './mourner.js'
import { Publisher } from './publisher.js'
import { Random } from './random.js'
import { Subscriber } from './subscriber.js'
import { judge, lacking, type Verdict } from './verdict.js'

export interface CrashOptions {
  broker: BrokerName
  seed: number
  kills: number
}

export interface CrashReport extends Verdict {
  seed: number
  kills: number
  seconds: number
  /** Wills that were due and did not come; wills that came although they were withdrawn; wills that came twice. */
  willsMissing: number
  willsUnwanted: number
  willsDoubled: number
  wills: number
  /** Whatever else must not have happened. */
  faults: string[]
}

const PUBLISHERS = 4
const MOURNERS = 2
const MIN_LIFE_MS = 100
const MAX_LIFE_MS = 700
/** How long everything may take to arrive in the end. */
const PATIENCE_MS = 30_000
const RETAINED_PATIENCE_MS = 5000

export async function runCrashTest({ broker: name, seed, kills }: CrashOptions): Promise<CrashReport> {
  const began = performance.now()
  const folder = mkdtempSync(join(tmpdir(), 'anax-crash-'))
  const newestVersion = name === 'anax' ? 5 : 4
  const world: World = { port: await freePort(), seed, newestVersion, isRough: true, faults: [] }
  const broker = new BrokerProcess(name, world.port, folder)
  const cast = new Cast(world)
  try {
    await broker.start()
    await cast.start()
    await rage(broker, cast, kills)
    world.isRough = false
    await cast.calmDown()
    const report = await cast.report()
    return { ...report, seed, kills, seconds: Math.round((performance.now() - began) / 1000) }
  } finally {
    await cast.stop()
    await broker.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function rage(broker: BrokerProcess, cast: Cast, kills: number): Promise<void> {
  const random = new Random(cast.world.seed, 'killer')
  for (let kill = 0; kill < kills; kill++) {
    await delay(random.between(MIN_LIFE_MS, MAX_LIFE_MS))
    await broker.kill()
    const promised = cast.retainedPromises()
    await broker.start()
    await checkRetained(cast.world, promised)
  }
}

/** What was acknowledged before the broker was killed is there: the message, or a later one. */
async function checkRetained(world: World, promised: ReadonlyMap<string, number>): Promise<void> {
  const found = new Map<string, number>()
  const packet = { ...connectPacket('inspector', 4), clean: true }
  const opened = await Link.open(world.port, packet, {
    packet: each => {
      if (each.cmd === 'publish') found.set(each.topic, Number(each.payload))
    },
  })
  opened?.link.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'retained/#', qos: 0 }] })
  const isKept = ([topic, number]: [string, number]) => (found.get(topic) ?? 0) >= number
  const deadline = performance.now() + RETAINED_PATIENCE_MS
  while (![...promised].every(isKept) && performance.now() < deadline) await delay(10)
  for (const [topic, number] of promised) {
    if (!isKept([topic, number])) world.faults.push(`${topic} has ${found.get(topic)}, ${number} was acknowledged`)
  }
  await opened?.link.disconnect()
}

/** Everyone who takes part. */
class Cast {
  readonly world: World
  readonly #publishers: Publisher[]
  readonly #subscribers: Subscriber[]
  readonly #mourners: Mourner[]
  readonly #witness: Subscriber
  readonly #churner: Churner

  constructor(world: World) {
    this.world = world
    this.#publishers = Array.from({ length: PUBLISHERS }, (_, i) => new Publisher(world, i))
    this.#mourners = Array.from({ length: MOURNERS }, (_, i) => new Mourner(world, i))
    const all = ['p/#', 'retained/+']
    this.#subscribers = [
      new Subscriber(world, 0, 2, all),
      new Subscriber(world, 1, 2, all),
      new Subscriber(world, 2, 1, all),
    ]
    this.#witness = new Subscriber(world, 9, 1, ['wills/#'])
    this.#churner = new Churner(world)
  }

  async start(): Promise<void> {
    const listeners = [...this.#subscribers, this.#witness]
    for (const subscriber of listeners) subscriber.start()
    await Promise.all(listeners.map(({ subscribed }) => subscribed))
    for (const actor of [...this.#publishers, ...this.#mourners, this.#churner]) actor.start()
  }

  retainedPromises(): Map<string, number> {
    const promises = this.#publishers.flatMap(({ acknowledged }) => [...acknowledged])
    return new Map(promises.filter(([topic]) => topic.startsWith('retained/')))
  }

  /** Waits until all is sent, acknowledged and delivered, or will not be any more. */
  async calmDown(): Promise<void> {
    await Promise.all(this.#mourners.map(mourner => mourner.stop()))
    const deadline = performance.now() + PATIENCE_MS
    const isOver = () =>
      this.#publishers.every(({ isDone }) => isDone) &&
      this.#churner.isDone &&
      lacking(this.#publishers, this.#subscribers) === 0 &&
      this.#missingWills() === 0
    while (!isOver() && performance.now() < deadline) await delay(50)
    // What is doubled comes late.
    await delay(500)
  }

  async report(): Promise<Omit<CrashReport, 'seed' | 'kills' | 'seconds'>> {
    if (!this.#publishers.every(({ isDone }) => isDone)) this.world.faults.push('not everything was acknowledged')
    await this.#checkSubscriptions()
    const wills = this.#mourners.flatMap(({ topic, due, withdrawn }) => {
      const arrived = this.#witness.messages.get(topic) ?? []
      return [{ arrived, due, withdrawn }]
    })
    const sum = (count: (each: (typeof wills)[number]) => number) =>
      wills.reduce((total, each) => total + count(each), 0)
    return {
      ...judge(this.#publishers, this.#subscribers),
      wills: sum(({ due }) => due.length),
      willsMissing: this.#missingWills(),
      willsUnwanted: sum(({ arrived, withdrawn }) => withdrawn.filter(each => arrived.includes(each)).length),
      willsDoubled: sum(({ arrived }) => arrived.length - new Set(arrived).size),
      faults: this.world.faults,
    }
  }

  async stop(): Promise<void> {
    const actors = [...this.#publishers, ...this.#subscribers, ...this.#mourners, this.#witness, this.#churner]
    await Promise.all(actors.map(actor => actor.stop()))
  }

  #missingWills(): number {
    return this.#mourners.reduce((total, { topic, due }) => {
      const arrived = new Set(this.#witness.messages.get(topic))
      return total + due.filter(payload => !arrived.has(payload)).length
    }, 0)
  }

  /** A message to each topic finds exactly those subscriptions that were acknowledged. */
  async #checkSubscriptions(): Promise<void> {
    const { allTopics, subscribed, arrived } = this.#churner
    const packet = { ...connectPacket('prober', 4), clean: true }
    const opened = await Link.open(this.world.port, packet, { packet: () => {} })
    const payload = Buffer.from('probe')
    for (const [i, topic] of allTopics.entries()) {
      opened?.link.send({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false, messageId: i + 1 })
    }
    const deadline = performance.now() + RETAINED_PATIENCE_MS
    while ([...subscribed].some(topic => !arrived.has(topic)) && performance.now() < deadline) await delay(20)
    await delay(100)
    for (const topic of allTopics) {
      if (subscribed.has(topic) !== arrived.has(topic)) {
        this.world.faults.push(`${topic} is ${subscribed.has(topic) ? '' : 'not '}subscribed, and was taken otherwise`)
      }
    }
    await opened?.link.disconnect()
  }
}
