/** Holds what arrived against what was promised. */
import type { Inbox } from './inbox.js'
import type { Outbox } from './outbox.js'
import type { WillVerdict } from './wills-verdict.js'

/** What a run found about messages. */
export interface MessageVerdict {
  published: number
  delivered: number
  /** Not acknowledged to its publisher, though everybody had time enough. */
  unacknowledged: number
  /** Answered with a reason code that says no. */
  refused: number
  /** Acknowledged to its publisher and not delivered to a subscriber. */
  missing: number
  /** QoS 2 messages delivered more than once. */
  doubled: number
  /** QoS 1 messages delivered more than once, which is allowed. */
  repeated: number
  /** Messages that came before one published earlier to the same topic by the same publisher. */
  misordered: number
}

/** What a run found. */
export interface Verdict extends MessageVerdict, WillVerdict {
  /** Sessions that had been there, and were not when the client came back. */
  sessionsLost: number
  /** Retained messages older than what was acknowledged, looked at whenever the broker is back. */
  retainedWrong: number
  /** Subscriptions that were not as acknowledged in the end. */
  subscriptionsWrong: number
  /** Processes that ended without having been killed. */
  accidents: number
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
  'accidents',
] as const satisfies readonly (keyof Verdict)[]

/** What must not be in a verdict: only those numbers that are not 0. */
export function faultsOf(verdict: Verdict): Partial<Verdict> {
  return Object.fromEntries(FAULTS.map(name => [name, verdict[name]]).filter(([, count]) => count !== 0))
}

export function judgeMessages(outboxes: readonly Outbox[], inboxes: readonly Inbox[]): MessageVerdict {
  const arrivals = inboxes.flatMap(inbox => [...inbox.arrivals.values()])
  return {
    published: sum(outboxes.flatMap(({ published }) => [...published.values()])),
    delivered: sum(arrivals.map(({ total }) => total)),
    unacknowledged: sum(outboxes.map(outbox => unacknowledged(outbox).length)),
    refused: sum(outboxes.map(({ refused }) => refused.length)),
    missing: countMissing(outboxes, inboxes),
    doubled: sum(inboxes.map(({ doubled }) => doubled)),
    repeated: sum(inboxes.map(({ repeated }) => repeated)),
    misordered: sum(arrivals.map(({ misordered }) => misordered)),
  }
}

/** How many acknowledged messages subscribers still lack, each subscriber counted. */
export function countMissing(outboxes: readonly Outbox[], inboxes: readonly Inbox[]): number {
  return sum(outboxes.flatMap(outbox => inboxes.map(inbox => missingFrom(outbox, inbox))))
}

/** The same in words: which subscriber lacks which messages of which topic. */
export function tellMissing(outboxes: readonly Outbox[], inboxes: readonly Inbox[]): string[] {
  return inboxes.flatMap((inbox, index) =>
    outboxes.flatMap(outbox =>
      [...missingByTopic(outbox, inbox)].map(([topic, numbers]) => `subscriber ${index} lacks ${topic}: ${numbers}`),
    ),
  )
}

function missingFrom(outbox: Outbox, inbox: Inbox): number {
  return sum([...missingByTopic(outbox, inbox).values()].map(numbers => numbers.length))
}

function missingByTopic(outbox: Outbox, inbox: Inbox): Map<string, number[]> {
  const open = [...unacknowledged(outbox), ...outbox.refused]
  const missing = new Map<string, number[]>()
  for (const [topic, published] of outbox.published) {
    const copies = inbox.arrivals.get(topic)?.copies
    if (copies?.size === published) continue
    const isExcused = (number: number) => open.some(sent => sent.topic === topic && sent.number === number)
    const numbers = Array.from({ length: published }, (_, i) => i + 1)
    const lacked = numbers.filter(number => copies?.has(number) !== true && !isExcused(number))
    if (lacked.length > 0) missing.set(topic, lacked)
  }
  return missing
}

function unacknowledged(outbox: Outbox): { topic: string; number: number }[] {
  return [...outbox.inFlight.values()].filter(({ isReceived }) => !isReceived)
}

/** A client begins one session, and goes on with it. */
export function countLostSessions(clients: readonly { sessions: number }[]): number {
  return sum(clients.map(({ sessions }) => Math.max(0, sessions - 1)))
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
