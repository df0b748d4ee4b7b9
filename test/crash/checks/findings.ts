/** Compares the arrived messages with the acknowledged ones. */

import type { PublisherState } from './publisher-state.js'
import type { SubscriberState } from './subscriber-state.js'
import type { WillFindings } from './will-findings.js'

/** Findings about messages. */
export interface MessageFindings {
  published: number
  delivered: number
  /** Not acknowledged to the publisher within the time limit. */
  unacknowledged: number
  /** Refused with a reason code. */
  refused: number
  /** Acknowledged to the publisher and not delivered to a subscriber. */
  missing: number
  /** QoS 2 messages delivered more than once. */
  doubled: number
  /** QoS 1 messages delivered more than once, which is allowed. */
  repeated: number
  /** Messages that arrived before one that its publisher sent earlier to the same topic. */
  misordered: number
}

/** All findings of a run. */
export interface Findings extends MessageFindings, WillFindings {
  /** Sessions that were missing when their client reconnected. */
  sessionsLost: number
  /** Topics whose retained message was older than the acknowledged one, checked after each restart. */
  retainedWrong: number
  /** Subscriptions that differed from the acknowledged ones at the end. */
  subscriptionsWrong: number
  /** Processes that ended without being killed. */
  crashes: number
}

const FAULTS = [
  'unacknowledged',
  'missing',
  'doubled',
  'misordered',
  'retainedWrong',
  'subscriptionsWrong',
  'sessionsLost',
  'willsMissing',
  'willsUnwanted',
  'crashes',
] as const satisfies readonly (keyof Findings)[]

/** The findings that are faults and not 0. */
export function faultsOf(findings: Findings): Partial<Findings> {
  return Object.fromEntries(FAULTS.map(name => [name, findings[name]]).filter(([, count]) => count !== 0))
}

export function checkMessages(
  publishers: readonly PublisherState[],
  subscribers: readonly SubscriberState[],
): MessageFindings {
  const arrivals = subscribers.flatMap(subscriber => [...subscriber.arrivals.values()])
  return {
    published: sum(publishers.flatMap(({ published }) => [...published.values()])),
    delivered: sum(arrivals.map(({ total }) => total)),
    unacknowledged: sum(publishers.map(publisher => unacknowledged(publisher).length)),
    refused: sum(publishers.map(({ refused }) => refused.length)),
    missing: countMissing(publishers, subscribers),
    doubled: sum(subscribers.map(({ doubled }) => doubled)),
    repeated: sum(subscribers.map(({ repeated }) => repeated)),
    misordered: sum(arrivals.map(({ misordered }) => misordered)),
  }
}

/** The number of acknowledged messages that subscribers lack, added over all subscribers. */
export function countMissing(publishers: readonly PublisherState[], subscribers: readonly SubscriberState[]): number {
  return sum(publishers.flatMap(publisher => subscribers.map(subscriber => missingFrom(publisher, subscriber))))
}

/** In words: which subscriber lacks which messages of which topic. */
export function tellMissing(publishers: readonly PublisherState[], subscribers: readonly SubscriberState[]): string[] {
  return subscribers.flatMap((subscriber, index) =>
    publishers.flatMap(publisher =>
      [...missingByTopic(publisher, subscriber)].map(
        ([topic, numbers]) => `subscriber ${index} lacks ${topic}: ${numbers}`,
      ),
    ),
  )
}

function missingFrom(publisher: PublisherState, subscriber: SubscriberState): number {
  return sum([...missingByTopic(publisher, subscriber).values()].map(numbers => numbers.length))
}

function missingByTopic(publisher: PublisherState, subscriber: SubscriberState): Map<string, number[]> {
  const open = [...unacknowledged(publisher), ...publisher.refused]
  const missing = new Map<string, number[]>()
  for (const [topic, published] of publisher.published) {
    const copies = subscriber.arrivals.get(topic)?.copies
    if (copies?.size === published) continue
    const isExcused = (number: number) => open.some(sent => sent.topic === topic && sent.number === number)
    const numbers = Array.from({ length: published }, (_, i) => i + 1)
    const lacked = numbers.filter(number => copies?.has(number) !== true && !isExcused(number))
    if (lacked.length > 0) missing.set(topic, lacked)
  }
  return missing
}

function unacknowledged(publisher: PublisherState): { topic: string; number: number }[] {
  return [...publisher.inFlight.values()].filter(({ isReceived }) => !isReceived)
}

/** A client should have one session for the whole run. */
export function countLostSessions(clients: readonly { sessions: number }[]): number {
  return sum(clients.map(({ sessions }) => Math.max(0, sessions - 1)))
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
