/**
 * Creates the path of a published message: bus, router, queues and publisher. Owns how these know each other; must not
 * know how sessions are opened, nor connections.
 */
import type { Bus } from '../../../types/bus.js'
import type { QueueDelivery, QueueLimits } from '../../../types/persistence.js'
import type { PublishMessage } from '../../codec/publish-message.js'
import { isQuotaError, wrapError } from '../../errors.js'
import type { EventSink } from '../../ports/event-sink.js'
import type { MessageSink } from '../../ports/message-sink.js'
import { HostBus } from '../../routing/bus/host-bus/host-bus.js'
import type { Interests } from '../../routing/bus/interests.js'
import { LocalBus } from '../../routing/bus/local-bus.js'
import { LocalEmitter } from '../../routing/bus/local-emitter.js'
import type { MessageBus } from '../../routing/bus/message-bus.js'
import { Router } from '../../routing/router.js'
import { extendedLimits } from '../../session/outgoing/pressure.js'
import { BackPressure } from '../publish/back-pressure.js'
import { MessageNumbers } from '../publish/message-numbers.js'
import { OwnMessages } from '../publish/own-messages.js'
import { Publisher } from '../publish/publisher.js'
import { QueueWriter } from '../publish/queue-writer.js'
import { Retention } from '../publish/retention.js'
import type { Services } from './services.js'
import type { StorageParts } from './storage.js'

export interface PublishingSettings {
  /** The broker id in the identity of this run's messages. */
  readonly runId: string
  /** The bus of the host, if it passed one. */
  readonly mq: Bus | undefined
  /** Called when something with a deadline was stored. */
  readonly deadlineSet: () => void
}

export class PublishingParts {
  readonly bus: MessageBus
  readonly interests: Interests
  readonly router: Router
  readonly backPressure: BackPressure
  readonly sink: MessageSink
  readonly own: OwnMessages

  constructor(services: Services, { store, cluster }: StorageParts, { runId, mq, deadlineSet }: PublishingSettings) {
    const { options, events, connected } = services
    const numbers = new MessageNumbers(runId)
    const number = (message: PublishMessage) => numbers.assign(message)
    const limitsOf = (clientId: string) => currentLimits(services, clientId, queues.underWay)
    const policy = { limitsOf, maxTotalBytes: options.maxTotalQueuedBytes }
    this.bus =
      mq === undefined
        ? new LocalBus(new LocalEmitter(options.concurrency), message => this.router.route(message))
        : new HostBus({
            ...services,
            mq,
            policy,
            brokerId: runId,
            number,
            router: () => this.router,
            queues: () => queues,
            failed: error => events.emit('storeError', error),
            dropped: message => reportDropped(message, this.router, events),
          })
    this.interests = cluster?.interests ?? this.bus
    this.router = new Router(this.interests, {
      fairness: services.fairness,
      hasForeignGroups: cluster !== undefined,
      sharedStrategy: options.sharedStrategy,
      number,
      caughtUp: publisherId => {
        if (publisherId === undefined) this.own.resume()
      },
      enqueue: (message, delivery) => enqueueForMember(publisher, services, message, delivery),
      undeliverable: (message, clientId) => events.emit('drop', { clientId, message, reason: 'session-ended' }),
    })
    const queues: QueueWriter = new QueueWriter({ ...services, id: runId, store, router: this.router, deadlineSet })
    this.backPressure = new BackPressure({
      congestion: services.congestion,
      pressureOf: clientId => connected.ownerOf(clientId)?.session?.pressure,
      clientsOf: (...args) => this.router.clientsOf(...args),
    })
    const publisher: Publisher = new Publisher({
      ...services,
      store,
      numbers,
      retention: new Retention(store, options, services.now),
      queues,
      backPressure: this.backPressure,
      rules: { among: 'all', policy },
      bus: this.bus,
      deadlineSet,
    })
    this.sink = cluster?.sink ?? publisher
    this.own = new OwnMessages(this.sink, () => this.router.isDelivering(undefined))
  }
}

/** The limits of a queue now: a client that reads may have a longer one. @param underWay messages not routed yet */
function currentLimits({ options, connected, queueLimits }: Services, clientId: string, underWay: number): QueueLimits {
  const own = queueLimits.of(clientId)
  const session = connected.ownerOf(clientId)?.session
  if (session === undefined || !session.isAttached) return own
  if (session.pressure !== undefined) return session.pressure.extend(own)
  // nothing has had to wait: what is in the queue is in flight, or was not handed to the client yet
  return (session.load + underWay) * 2 < own.maxMessages ? own : extendedLimits(own, options)
}

/** Appends a message to the queue of another member of its shared subscription. Does not reject. */
async function enqueueForMember(
  publisher: Publisher,
  { events, connected }: Services,
  message: PublishMessage,
  delivery: QueueDelivery,
): Promise<void> {
  const { clientId } = delivery
  try {
    await publisher.enqueue(message, delivery)
    connected.read(clientId)
  } catch (error) {
    // The publisher has its acknowledgement already, so the host is notified.
    const isFull = isQuotaError(error)
    if (!isFull) events.emit('storeError', wrapError('ANAX_ERR_STORE', error))
    events.emit('drop', { clientId, message, reason: isFull ? 'queue-full' : 'store-failed' })
  }
}

/** Reports a message of another broker that arrived while too many were waiting for the store. */
function reportDropped(message: PublishMessage, router: Router, events: EventSink): void {
  for (const clientId of new Set(router.clientsOf(message.topic))) {
    events.emit('drop', { clientId, message, reason: 'store-full' })
  }
}
