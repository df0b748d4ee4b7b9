/**
 * Writes the broker's events to the host's logger. Owns the line of each event, and that it contains no secret. Listens
 * only to events that are written, because a listener for each message costs a quarter of a broker's work.
 */
import type { EventEmitter } from 'node:events'
import type { BrokerEvents } from '../../../types/broker/events.js'
import type { Client } from '../../../types/client/client.js'
import type { Logger, LogLevel } from '../../../types/logger.js'
import type { AnaxError } from '../../errors.js'
import type { Timers } from '../../util/scheduling/timers.js'
import { shownName } from '../../util/shown-name.js'
import { Repeats } from './repeats.js'

const VERSIONS = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const

/** Writes the events of a broker that the logger's current level includes. */
export function logEvents(events: EventEmitter<BrokerEvents>, logger: Logger, timers: Timers): void {
  const log = new EventLog(events, logger, timers)
  const isOn = (level: LogLevel) => logger.isLevelEnabled?.(level) ?? level !== 'debug'
  if (isOn('error')) log.errors()
  if (isOn('warn')) log.warnings()
  if (isOn('info')) log.connections()
  if (isOn('debug')) log.traffic()
}

class EventLog {
  readonly #events: EventEmitter<BrokerEvents>
  readonly #logger: Logger
  readonly #repeats: Repeats
  /** The loggers of connected clients, if connecting and disconnecting are logged. */
  readonly #children = new Map<Client, Logger>()

  constructor(events: EventEmitter<BrokerEvents>, logger: Logger, timers: Timers) {
    this.#events = events
    this.#logger = logger
    this.#repeats = new Repeats(timers, repeated => logger.warn({ repeated }, 'further problems'))
    events.on('closed', () => this.#repeats.flush())
  }

  errors(): void {
    this.#events.on('hookError', (err, hook, client) => {
      this.#repeat('error', client, { reason: hook, code: err.code, err }, 'hook failed')
    })
    this.#events.on('storeError', err => this.#repeat('error', null, { code: err.code, err }, 'store failed'))
    this.#events.on('leaseLost', err => this.#logger.error({ code: err.code, err }, 'lease lost'))
    this.#events.on('clockWrong', aheadMs => this.#logger.error({ aheadMs }, 'clock wrong'))
  }

  warnings(): void {
    this.#events.on('clientError', (client, error) => this.#repeat('warn', client, reasonOf(error), 'client error'))
    this.#events.on('connectionError', (client, error) => {
      // load balancers check ports like this every few seconds
      const saidNothing = error.code === 'ANAX_ERR_STREAM' && client.stats.received.bytes === 0
      if (saidNothing) this.#for(client).debug(reasonOf(error), 'connection reset before its first byte')
      else {
        // A refused client may use a new identifier each time. Before CONNECT, the text says what is wrong: behind a
        // proxy, clients with different mistakes have one address.
        const who = client.id === '' ? error.message : undefined
        this.#count('warn', client, { fields: reasonOf(error), message: 'connection refused', who })
      }
    })
    this.#events.on('publishRefused', (error, { topic }, client) => {
      this.#repeat('warn', client, { topic, ...reasonOf(error) }, 'publish refused')
    })
    this.#events.on('drop', ({ clientId, reason, message: { topic } }) => {
      this.#repeat('warn', null, { clientId, reason, topic }, 'message dropped')
    })
    this.#events.on('throttled', (client, { of, what }) => {
      this.#repeat('warn', client, { reason: `${what} of ${of}` }, 'client slowed down')
    })
    this.#events.on('flapping', (_client, { clientId, takeovers, addresses, banned }) => {
      this.#repeat('warn', null, { clientId, takeovers, addresses, banned }, 'flapping')
    })
    this.#events.on('overload', overload => {
      this.#logger.warn({ ...overload }, 'overloaded: clients are refused, QoS 0 is dropped')
    })
    this.#events.on('overloadEnd', overload => this.#logger.warn({ ...overload }, 'no longer overloaded'))
    this.#events.on('lateWritesRefused', writes => this.#logger.warn({ writes }, 'late writes refused'))
  }

  connections(): void {
    this.#events.on('client', client => {
      const { version, username, principal, keepalive, clean } = client
      const fields = { version: version && VERSIONS[version], username: shownName(username), keepalive, clean }
      // the name that a hook assigned to the client, if it differs from its user name
      const proved = principal === username ? fields : { ...fields, principal: shownName(principal) }
      const logger = this.#for(client)
      this.#children.set(client, logger)
      logger.info(proved, 'client connected')
    })
    this.#events.on('clientDisconnect', (client, { reason, code, reasonCode, detail }) => {
      this.#for(client).info({ reason, code, reasonCode, detail }, 'client disconnected')
      this.#children.delete(client)
    })
    this.#events.on('clusterChanged', ({ node, change }) => this.#logger.info({ node, change }, 'cluster changed'))
    this.#events.on('sessionTakenOver', (clientId, from) => {
      this.#logger.info({ clientId, node: from }, 'session taken over')
    })
  }

  traffic(): void {
    this.#events.on('publish', ({ topic, qos, retain, payload }, client) => {
      this.#for(client).debug({ topic, qos, retain, bytes: payload.length }, 'published')
    })
    this.#events.on('subscribe', (subscriptions, client) => {
      const granted = subscriptions.map(({ topic, qos }) => ({ topic, qos }))
      this.#for(client).debug({ subscriptions: granted }, 'subscribed')
    })
    this.#events.on('unsubscribe', (topics, client) => this.#for(client).debug({ topics }, 'unsubscribed'))
    this.#events.on('sessionEnded', (clientId, reason) => this.#logger.debug({ clientId, reason }, 'session ended'))
  }

  /** Writes a line about a client once, and then counts its repetitions. */
  #repeat(level: 'error' | 'warn', client: Client | null, fields: Reason, message: string): void {
    this.#count(level, client, { fields, message, who: client?.id ?? fields.clientId })
  }

  /** @param who identifies the source of equal lines, in addition to the address */
  #count(level: 'error' | 'warn', client: Client | null, { fields, message, who }: Line): void {
    const logger = this.#for(client)
    const kind = [message, who, client?.address, fields.code, fields.reason].join('\n')
    this.#repeats.add(kind, repeated =>
      logger[level]({ ...fields, ...(repeated !== undefined && { repeated }) }, message),
    )
  }

  /** The logger for a client: adds its address, and its identifier once it has one. */
  #for(client: Client | null): Logger {
    return client === null ? this.#logger : (this.#children.get(client) ?? this.#childOf(client))
  }

  #childOf({ id, address }: Client): Logger {
    return this.#logger.child({ ...(id && { clientId: id }), ...(address !== undefined && { address }) })
  }
}

/** The fields of a line, which distinguish it from others. */
interface Reason {
  clientId?: string
  code?: string | undefined
  reason?: string
  [field: string]: unknown
}

interface Line {
  fields: Reason
  message: string
  who: string | undefined
}

function reasonOf({ code, message }: AnaxError): { code: string; error: string } {
  return { code, error: message }
}
