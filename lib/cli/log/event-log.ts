/**
 * The broker's events as lines of the log.
 * Knows the events and the words for them; decides nothing.
 */
import type { Socket } from 'node:net'
import type { Broker } from '../../../types/broker.js'
import type { Client } from '../../../types/client.js'
import type { Drop } from '../../../types/events.js'
import { type Logger, quote } from './logger.js'

const VERSIONS = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const

/** Lost messages are counted this long before a line is written: a slow client can lose thousands a second. */
const DROP_REPORT_MS = 5000

/** Registers listeners only for what is written: a listener of `publish` alone was a quarter of a broker's work. */
export function logEvents(broker: Broker, logger: Logger): void {
  if (logger.writes('error')) logErrors(broker, logger)
  if (logger.writes('warn')) logWarnings(broker, logger)
  if (logger.writes('info')) logConnections(broker, logger)
  if (logger.writes('debug')) logTraffic(broker, logger)
}

function logErrors(broker: Broker, logger: Logger): void {
  broker.on('hookError', (error, hook) => logger.log('error', `${hook}: ${error.message}`))
  broker.on('storeError', error => logger.log('error', error.message))
  broker.on('leaseLost', error => logger.log('error', error.message))
}

function logWarnings(broker: Broker, logger: Logger): void {
  broker.on('clientError', (client, error) => logger.log('warn', `${nameOf(client)}: ${error.message}`))
  broker.on('connectionError', (client, error) => logger.log('warn', `${originOf(client)}: ${error.message}`))
  broker.on('publishRefused', (error, packet, client) => {
    logger.log('warn', `${nameOf(client)} may not publish to ${quote(packet.topic)}: ${error.message}`)
  })
  broker.on('drop', dropLog(logger))
  broker.on('lateWritesRefused', writes =>
    logger.log('warn', `${writes} writes came after the lease, and were refused`),
  )
}

function logConnections(broker: Broker, logger: Logger): void {
  broker.on('client', client => {
    const version = client.version === undefined ? '' : ` with MQTT ${VERSIONS[client.version]}`
    logger.log('info', `${nameOf(client)} connected${version} from ${originOf(client)}`)
  })
  broker.on('clientDisconnect', (client, { reason, detail }) => {
    logger.log('info', `${nameOf(client)} disconnected (${reason}: ${detail})`)
  })
  broker.on('clusterChanged', ({ node, change }) => logger.log('info', `node ${quote(node)} ${change}`))
  broker.on('sessionTakenOver', (clientId, from) => {
    logger.log('info', `session ${quote(clientId)} taken over from node ${quote(from)}`)
  })
}

function logTraffic(broker: Broker, logger: Logger): void {
  broker.on('publish', (packet, client) => {
    const { topic, qos, payload } = packet
    logger.log('debug', `${nameOf(client)} published to ${quote(topic)}, QoS ${qos}, ${payload.length} bytes`)
  })
  broker.on('subscribe', (subscriptions, client) => {
    const filters = subscriptions.map(({ topic, qos }) => `${quote(topic)} (${qos < 128 ? `QoS ${qos}` : 'refused'})`)
    logger.log('debug', `${nameOf(client)} subscribed to ${filters.join(', ')}`)
  })
  broker.on('unsubscribe', (topics, client) => {
    logger.log('debug', `${nameOf(client)} unsubscribed from ${topics.map(quote).join(', ')}`)
  })
  broker.on('sessionEnded', (clientId, reason) => logger.log('debug', `session ${quote(clientId)} ended: ${reason}`))
}

/** Collects what is lost, and reports it client by client. */
function dropLog(logger: Logger): (drop: Drop) => void {
  const counts = new Map<string, number>()
  const report = () => {
    for (const [what, count] of counts) logger.log('warn', `${what}: ${count} messages not delivered`)
    counts.clear()
  }
  return ({ clientId, reason }) => {
    if (counts.size === 0) setTimeout(report, DROP_REPORT_MS).unref()
    const what = `client ${quote(clientId)}, ${reason}`
    counts.set(what, (counts.get(what) ?? 0) + 1)
  }
}

function nameOf(client: Client | null): string {
  return client === null ? 'the broker' : `client ${quote(client.id)}`
}

/** Address and port of the other end; a Unix socket has none. */
function originOf({ conn, req }: Client): string {
  const { remoteAddress, remotePort } = (req?.socket ?? conn) as Socket
  return remoteAddress === undefined ? 'a local socket' : `${remoteAddress} port ${remotePort}`
}
