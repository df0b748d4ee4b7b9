/**
 * What a host needs to test its own use of the broker: exported as `anax/testing`.
 * Knows no broker.
 */
export { duplexPair } from '../client/index.js'
export { FakeClock } from './fake-clock.js'
