/** The report of a crash test, from the states of its clients and from what was found at the brokers. */
import { checkMessages, countLostSessions, type Findings, sum, tellMissing } from './checks/findings.js'
import { countWills, tellWills } from './checks/will-findings.js'
import type { Participants } from './participants.js'
import type { KillableProcess } from './processes/killable-process.js'

export interface CrashReport extends Findings {
  /** The number of kills of the broker. */
  kills: number
  /** The number of kills of publishers and subscribers. */
  clientKills: number
  seconds: number
  /** The faults in words. */
  details: string[]
}

/** Faults that were found at the brokers, in words. */
export interface BrokerFaults {
  retained: readonly string[]
  subscriptions: readonly string[]
}

export function reportOf(
  { publisherStates, subscriberStates, willSubscriber, wills, churner, processes }: Participants,
  brokers: readonly KillableProcess[],
  { retained, subscriptions }: BrokerFaults,
): Omit<CrashReport, 'kills' | 'seconds'> {
  return {
    ...checkMessages(publisherStates, subscriberStates),
    ...countWills(wills),
    sessionsLost: countLostSessions([...publisherStates, ...subscriberStates, willSubscriber, churner]),
    retainedWrong: retained.length,
    subscriptionsWrong: subscriptions.length,
    crashes: sum([...brokers, ...processes].map(({ crashes }) => crashes)),
    clientKills: sum(processes.map(({ kills }) => kills)),
    details: [...tellMissing(publisherStates, subscriberStates), ...tellWills(wills), ...retained, ...subscriptions],
  }
}
