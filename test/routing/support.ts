/** Shared by the tests of routing: sessions that record deliveries, and a router on the local bus. */
import assert from 'node:assert/strict'
import mqemitter from 'mqemitter'
import { PublishMessage } from '../../lib/codec/publish-message.js'
import type { Delivery } from '../../lib/model/delivery.js'
import { Timings } from '../../lib/model/metering/timings.js'
import { NEVER_EXPIRES } from '../../lib/model/session-expiry.js'
import { SessionSubscription } from '../../lib/model/subscription.js'
import type { Ports } from '../../lib/ports/ports.js'
import { HostBus, type HostBusParts } from '../../lib/routing/bus/host-bus/host-bus.js'
import { LocalBus } from '../../lib/routing/bus/local-bus.js'
import type { MessageBus } from '../../lib/routing/bus/message-bus.js'
import { Router, type RouterOptions } from '../../lib/routing/router.js'
import { Session } from '../../lib/session/session.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import { Fairness } from '../../lib/util/scheduling/fairness.js'
import { Timers } from '../../lib/util/scheduling/timers.js'
import type { Bus } from '../../types/bus.js'
import type { QoS, Subscription } from '../../types/message/packets.js'
import type { QueueDelivery } from '../../types/persistence.js'

const LIMITS = { maxMessages: 1000, maxBytes: 1e6, overflow: 'drop-newest' } as const

/** A session that records the messages for its client. */
export class NotingSession extends Session {
  readonly got: Delivery[] = []
  /** The number of messages that it claims to have in flight. */
  busy = 0

  constructor(id: string, stored = false) {
    super(id, { expiryInterval: stored ? NEVER_EXPIRES : 0, stored, limits: LIMITS }, {} as Ports)
  }

  override get load(): number {
    return this.busy
  }

  override deliver(delivery: Delivery): void {
    this.got.push(delivery)
  }

  subscribe(topic: string, options: Partial<Subscription> = {}, identifier?: number): SessionSubscription {
    const subscription = new SessionSubscription(this, { topic, qos: 2, ...options }, identifier)
    this.addSubscription(subscription)
    return subscription
  }

  /** The payloads of the deliveries, as text. */
  get texts(): string[] {
    return this.got.map(({ message }) => String(message.payload))
  }
}

export function message(topic: string, text = '', qos: QoS = 1, clientId?: string): PublishMessage {
  const published = new PublishMessage(topic, Buffer.from(text), qos, false, false, undefined, undefined)
  published.brokerId = 'b'
  published.clientId = clientId
  return published
}

/** A bus of the host without queues and without subscribers, unless a test overrides that. */
export function hostBus(mq: Bus, parts: Partial<HostBusParts> = {}): HostBus {
  return new HostBus({
    mq,
    brokerId: 'b',
    timers: new Timers(new FakeClock()),
    timings: new Timings(),
    policy: { limitsOf: () => LIMITS, maxTotalBytes: 1e6 },
    router: () => ({ wants: () => false, storedHere: () => [], route: () => {} }),
    queues: () => ({ write: () => {}, settled: () => {} }),
    number: () => assert.fail(),
    failed: error => assert.fail(error),
    dropped: () => assert.fail(),
    ...parts,
  })
}

/** A router, and the calls that it makes. */
export function routing(strategy: RouterOptions['sharedStrategy'] = 'round-robin', mq?: Bus) {
  const queued: { text: string; delivery: QueueDelivery }[] = []
  const orphans: string[] = []
  let counter = 0
  const bus: MessageBus =
    mq === undefined
      ? new LocalBus(innerBus(), carried => router.route(carried))
      : hostBus(mq, { router: () => router })
  const router: Router = new Router(bus, {
    fairness: new Fairness(),
    sharedStrategy: strategy,
    number: copy => {
      copy.brokerId = 'b'
      copy.brokerCounter = ++counter
    },
    enqueue: ({ payload }, delivery) => queued.push({ text: String(payload), delivery }),
    caughtUp: () => {},
    undeliverable: ({ payload }) => orphans.push(String(payload)),
  })
  return { bus, router, queued, orphans }
}

export function innerBus(): Bus {
  return mqemitter({ concurrency: 0 }) as unknown as Bus
}
