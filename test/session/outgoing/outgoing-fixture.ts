/** A session whose client only records what it is sent, with ports that the test controls. */
import { PublishMessage } from '../../../lib/codec/publish-message.js'
import { Frame } from '../../../lib/codec/wire/frame.js'
import type { AnaxError } from '../../../lib/errors.js'
import { Delivery } from '../../../lib/model/delivery.js'
import { Congestion } from '../../../lib/model/metering/congestion.js'
import { Load } from '../../../lib/model/metering/load.js'
import { OverloadState } from '../../../lib/model/metering/overload.js'
import { NEVER_EXPIRES } from '../../../lib/model/session-expiry.js'
import type { Authorizer } from '../../../lib/ports/authorizer.js'
import type { Ports } from '../../../lib/ports/ports.js'
import type { RetainedMessages } from '../../../lib/ports/retained-messages.js'
import type { Link } from '../../../lib/session/outgoing/link.js'
import { Outgoing } from '../../../lib/session/outgoing/outgoing.js'
import { Session } from '../../../lib/session/session.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Fairness } from '../../../lib/util/scheduling/fairness.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'
import type { Drop } from '../../../types/broker/events.js'
import type { Message } from '../../../types/message/message.js'
import type { QoS } from '../../../types/message/packets.js'
import type { MaybeAsyncIterable, QueuedMessage, QueueLimits } from '../../../types/persistence.js'

let counter = 1000

/** A delivery of a message with a number, as after storing it. */
export function numbered(text: string, qos: QoS, number = counter++, share?: string): Delivery {
  const message = new PublishMessage('t', Buffer.from(text), qos, false, false, undefined, undefined)
  message.brokerId = 'b'
  message.brokerCounter = number
  return new Delivery(message, qos, false, undefined, share)
}

class NotingLink implements Link {
  readonly client = {} as Link['client']
  readonly failures: AnaxError[] = []
  readonly written: { delivery: Delivery | undefined; packetId: number; attempt: string }[] = []
  ready = true
  onWrite = () => {}
  readonly #deliveries = new Map<Frame, { delivery: Delivery; attempt: string }>()

  frame(delivery: Delivery, attempt: 'first' | 'again'): Frame {
    const frame = Frame.of(Buffer.alloc(0))
    this.#deliveries.set(frame, { delivery, attempt })
    return frame
  }

  write(frame: Frame, packetId: number): void {
    const { delivery, attempt = 'first' } = this.#deliveries.get(frame) ?? {}
    this.written.push({ delivery, packetId, attempt })
    this.onWrite()
  }

  fail(error: AnaxError): void {
    this.ready = false
    this.failures.push(error)
  }
}

interface Scene {
  quota?: number
  /**
   * Whether the session is stored.
   * @default whether `stored` has messages
   */
  kept?: boolean
  limits?: Partial<QueueLimits>
  options?: { maxOutboxBytes?: number; maxBurstBytes?: number }
  /** The content of the stored queue. */
  stored?: QueuedMessage[] | (() => MaybeAsyncIterable<QueuedMessage>)
  retained?: Message[] | (() => MaybeAsyncIterable<Message>)
  /** The result of `authorizeForward` for each message. */
  forward?: Authorizer['authorizeForward']
  /** The store's answer to another message, which is in the queue afterwards. */
  enqueue?: () => void | Promise<void>
}

/** The outgoing path of one connected client. */
export function attached(scene: Scene) {
  const { quota = 100, kept = scene.stored !== undefined, stored = [], retained = [] } = scene
  const clock = new FakeClock()
  const load = new Load()
  const link = new NotingLink()
  const drops: string[] = []
  const enqueued: Message[] = []
  const sharedDone: number[] = []
  const queue = typeof stored === 'function' ? [] : stored
  const queued = typeof stored === 'function' ? stored : () => [...queue]
  const ports = {
    options: {
      maxOutboxBytes: 1e6,
      maxBurstBytes: scene.options?.maxOutboxBytes ?? 1e6,
      maxTotalQueuedBytes: 4e6,
      ...scene.options,
    },
    authorizer: { authorizeForward: scene.forward },
    timers: new Timers(clock),
    load,
    fairness: new Fairness({ turnUnits: 1000, shareUnits: 1000 }),
    congestion: new Congestion(),
    roomForNext: () => undefined,
    overload: new OverloadState(),
    events: {
      emit: (name: string, drop: Drop) => name === 'drop' && drops.push(`${drop.message.payload} ${drop.reason}`),
    },
    store: {
      queued,
      inflight: () => sentOf(queued()),
      markSent() {},
      markReleased() {},
      removeQueued(_: string, { brokerCounter }: Message) {
        const index = queue.findIndex(({ ref }) => ref.brokerCounter === brokerCounter)
        if (index !== -1) queue.splice(index, 1)
      },
    },
    sink: {
      sentFromQueue() {},
      sharedDone({ brokerCounter }: Message) {
        sharedDone.push(brokerCounter)
      },
      enqueue(message: PublishMessage, delivery: QueuedMessage['delivery']): void | Promise<void> {
        message.brokerId = 'b'
        message.brokerCounter = counter++
        enqueued.push(message)
        const add = () => void queue.push({ message, ref: message, delivery, packetId: undefined })
        const outcome = scene.enqueue?.()
        if (outcome !== undefined) return outcome.then(add)
        add()
      },
    },
    retained: {
      matching: typeof retained === 'function' ? retained : () => retained,
      delivery: (message, qos) => new Delivery(message, qos, true, undefined, undefined),
    } satisfies RetainedMessages,
  } as unknown as Ports
  const limits: QueueLimits = { maxMessages: 1000, maxBytes: 1e6, overflow: 'drop-newest', ...scene.limits }
  const session = new Session('c', { expiryInterval: NEVER_EXPIRES, stored: kept, limits }, ports)
  const outgoing = new Outgoing(session, link, ports, quota)
  const deliveries = () => link.written.flatMap(({ delivery }) => (delivery === undefined ? [] : [delivery]))
  return {
    clock,
    load,
    outgoing,
    session,
    link,
    drops,
    enqueued,
    sharedDone,
    deliveries,
    sentTexts: () => deliveries().map(({ message }) => String(message.payload)),
    /** The sent packets, with packet ids. */
    sent: () =>
      link.written.map(({ delivery, packetId, attempt }) => {
        const what = delivery === undefined ? 'pubrel' : String(delivery.message.payload)
        return `${what} id ${packetId}${attempt === 'again' ? ' again' : ''}`
      }),
  }
}

/** The messages of a queue that were sent before. */
function sentOf(queue: MaybeAsyncIterable<QueuedMessage>): MaybeAsyncIterable<QueuedMessage> {
  if (Symbol.iterator in queue) return [...queue].filter(({ packetId }) => packetId !== undefined)
  return (async function* () {
    for await (const entry of queue) if (entry.packetId !== undefined) yield entry
  })()
}
