/** Holds what arrived against what was promised. */
import type { Publisher } from './publisher.js'
import type { Subscriber } from './subscriber.js'

/** What a run found. */
export interface Verdict {
  published: number
  delivered: number
  /** Acknowledged to its publisher and not delivered to a subscriber. */
  missing: number
  /** QoS 2 messages delivered more than once. */
  doubled: number
  /** QoS 1 messages delivered more than once, which is allowed. */
  repeated: number
  /** Messages that came before one published earlier. */
  misordered: number
}

export function judge(publishers: readonly Publisher[], subscribers: readonly Subscriber[]): Verdict {
  const verdict: Verdict = { published: 0, delivered: 0, missing: 0, doubled: 0, repeated: 0, misordered: 0 }
  for (const { published } of publishers) {
    for (const [topic, count] of published) {
      verdict.published += count
      for (const subscriber of subscribers) judgeTopic(verdict, topic, count, subscriber)
    }
  }
  return verdict
}

/** How many messages a subscriber still lacks. */
export function lacking(publishers: readonly Publisher[], subscribers: readonly Subscriber[]): number {
  return judge(publishers, subscribers).missing
}

/** Topics that end with an even number are published with QoS 2. */
function isExactlyOnce(topic: string, subscriber: Subscriber): boolean {
  return subscriber.qos === 2 && /^p\/.*[02]$/.test(topic)
}

function judgeTopic(verdict: Verdict, topic: string, count: number, subscriber: Subscriber): void {
  const arrived = subscriber.messages.get(topic) ?? []
  const seen = new Set<number>()
  let latest = 0
  for (const payload of arrived) {
    const number = Number(payload)
    if (seen.has(number)) {
      if (isExactlyOnce(topic, subscriber)) verdict.doubled++
      else verdict.repeated++
      continue
    }
    seen.add(number)
    if (number < latest) verdict.misordered++
    latest = Math.max(latest, number)
  }
  verdict.delivered += arrived.length
  verdict.missing += count - seen.size
}
