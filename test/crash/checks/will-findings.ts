/**
 * Compares the arrived wills with those that had to be published.
 * A broker that is killed between publishing a will and recording that publishes it again. So one more copy is allowed
 * for each kill of a broker that was responsible for the will.
 */

import type { WillClient } from '../clients/will-client.js'
import type { SubscriberState } from './subscriber-state.js'

/** Findings about wills. */
export interface WillFindings {
  /** Wills that had to be published. */
  wills: number
  willsMissing: number
  /** Published although the client had sent DISCONNECT, or more often than the kills of the broker explain. */
  willsUnwanted: number
  /** Published once more because the broker was killed in between. */
  willsRepeated: number
}

/** A will, the number of its copies, and how many had to and may have arrived. */
export interface CheckedWill {
  readonly topic: string
  readonly number: number
  readonly copies: number
  readonly least: number
  readonly most: number
}

/** Counts the kills, or possible ends, of a broker between two times of the monotonic clock. */
export type CountDeaths = (from: number, to: number) => number

export function checkWills(
  willClients: readonly WillClient[],
  willSubscriber: SubscriberState,
  countDeaths: CountDeaths,
): CheckedWill[] {
  return willClients.flatMap(({ topic, ends }) =>
    ends.map(({ number, from, to, end }) => {
      const copies = willSubscriber.arrivals.get(topic)?.copies.get(number) ?? 0
      const deaths = countDeaths(from, to)
      if (end === 'broken') return { topic, number, copies, least: 1, most: 1 + deaths }
      // unknown: the broker may have been killed before or after it read DISCONNECT
      const isCertain = end === 'goodbye' && deaths === 0
      return { topic, number, copies, least: 0, most: isCertain ? 0 : Number.POSITIVE_INFINITY }
    }),
  )
}

export function countWills(wills: readonly CheckedWill[]): WillFindings {
  const sumOf = (count: (will: CheckedWill) => number) => wills.reduce((sum, will) => sum + count(will), 0)
  return {
    wills: wills.filter(({ least }) => least > 0).length,
    willsMissing: wills.filter(({ copies, least }) => copies < least).length,
    willsUnwanted: sumOf(({ copies, most }) => Math.max(0, copies - most)),
    willsRepeated: sumOf(({ copies, least, most }) => (least === 0 ? 0 : Math.max(0, Math.min(copies, most) - least))),
  }
}

/** In words, the wills that arrived too often or not at all. */
export function tellWills(wills: readonly CheckedWill[]): string[] {
  return wills
    .filter(({ copies, least, most }) => copies < least || copies > most)
    .map(({ topic, number, copies, least, most }) => `${topic} ${number} came ${copies} times, not ${least} to ${most}`)
}
