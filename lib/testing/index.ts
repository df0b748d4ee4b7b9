/**
 * What a host needs to test its own use of the broker: exported as `anax/testing`.
 * Knows no broker.
 */
export { duplexPair } from './duplex-pair.js'
export { FakeClock } from './fake-clock.js'
