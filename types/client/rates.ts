/** How much clients may send, and how often they may connect. Contracts only; lib/broker/admission enforces them. */

/** Rates of incoming traffic. A rate allows bursts of one second's worth; a missing one is unlimited. */
export interface InboundRates {
  /** PUBLISH packets per second. */
  messagesPerSecond?: number
  /** Bytes per second, of all packets. */
  bytesPerSecond?: number
}

/** Rates of incoming traffic and of CONNECT. */
export interface Rates extends InboundRates {
  /** CONNECT packets per second; further ones are refused with 0x9F, before any hook is called. */
  connectsPerSecond?: number
}

/** Rates of each client, of each address, and of all clients together. */
export interface RateOptions {
  /** For each client; its connects are those of one client identifier from one address. @default no limits */
  client?: Rates
  /** For all clients of one IP address (IPv6: of one /64 network) together. @default no limits */
  address?: Rates
  /** For all clients together. @default no limits */
  total?: Rates
  /**
   * Seconds for which a client may be above its own rate without a break. Until then the broker slows it down by not
   * reading from it; then it is disconnected with 0x96. Infinity slows it down forever. @default 60
   */
  patienceSeconds?: number
}

/** Delays for clients of an address that failed to authenticate. */
export interface AuthenticationDelay {
  /** Failures of one address without a delay. @default 3 */
  freeFailures?: number
  /** Milliseconds between attempts after the next failure; they double with each further one. @default 500 */
  firstDelayMs?: number
  /**
   * Longest delay in milliseconds. A client that would have to wait longer is refused with 0x9F immediately. @default
   * 10000
   */
  maxDelayMs?: number
  /** Seconds without a failure after which an address is forgotten. @default 900 */
  forgetAfterSeconds?: number
}

/** When clients count as flapping: two that take over each other's session again and again. */
export interface FlappingOptions {
  /** Takeovers of one session that count as flapping. @default 10 */
  takeovers?: number
  /** Seconds within which they happen. @default 60 */
  withinSeconds?: number
  /**
   * Seconds for which the client identifier is refused with 0x8A from the address that came second; 0 for no ban. From
   * other addresses it stays usable. @default 0
   */
  banSeconds?: number
}
