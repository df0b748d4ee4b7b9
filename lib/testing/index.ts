/**
 * Tools for hosts to test their use of the broker: exported as `anax/testing`.
 * Owns nothing but the list of what is public.
 */
export { duplexPair } from '../client/index.js'
export { FakeClock } from './fake-clock.js'
export { type Direction, Link } from './link.js'
export { MessageLog, RecordedMessage, type WaitOptions } from './message-log.js'
export type { ClientSnapshot, SessionSnapshot, Snapshot, SubscriptionSnapshot } from './snapshot.js'
export { startTestBroker, TestBroker, type TestBrokerOptions } from './test-broker.js'
export { type Fault, type FaultOptions, type FaultPlace, Faults, type StoreFaultOptions } from './watched/faults.js'
