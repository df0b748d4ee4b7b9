/**
 * Converts messages to JSON and back.
 * Payloads are text if they are UTF-8, otherwise base64, and truncated to what a page can show.
 */
import { isUtf8 } from 'node:buffer'
import type { QueuedInfo } from '../../../types/broker/inspection.js'
import type { PublishInput } from '../../../types/client/client.js'
import type { Message } from '../../../types/message/message.js'
import type { QoS } from '../../../types/message/packets.js'
import { invalid } from '../problem.js'

/** The visible part of a payload. */
const MAX_SHOWN_BYTES = 16 * 1024

export function messageJson({ topic, payload, qos, retain, clientId, receivedAt, messageExpiry, properties }: Message) {
  const isText = isUtf8(payload)
  const shown = payload.subarray(0, MAX_SHOWN_BYTES)
  return {
    topic,
    payload: shown.toString(isText ? 'utf8' : 'base64'),
    encoding: isText ? 'utf8' : 'base64',
    payloadBytes: payload.length,
    truncated: payload.length > MAX_SHOWN_BYTES,
    qos,
    retain,
    clientId,
    receivedAt,
    expiresAt: messageExpiry,
    contentType: properties?.contentType,
    responseTopic: properties?.responseTopic,
    userProperties: properties?.userProperties,
  }
}

export function queuedJson({ message, qos, retain, packetId, stored }: QueuedInfo) {
  return { message: message && messageJson(message), qos, retain, packetId, stored }
}

const PUBLISH_NAMES = ['topic', 'payload', 'encoding', 'qos', 'retain', 'contentType']

/** @throws Problem */
export function publishInput(body: Record<string, unknown>): PublishInput {
  onlyNames(body, PUBLISH_NAMES)
  const { topic, payload = '', encoding = 'utf8', qos = 0, retain = false, contentType } = body
  if (typeof topic !== 'string' || topic === '') throw invalid('topic must be a string')
  if (typeof payload !== 'string') throw invalid('payload must be a string')
  if (encoding !== 'utf8' && encoding !== 'base64') throw invalid("encoding must be 'utf8' or 'base64'")
  if (qos !== 0 && qos !== 1 && qos !== 2) throw invalid('qos must be 0, 1 or 2')
  if (typeof retain !== 'boolean') throw invalid('retain must be true or false')
  if (contentType !== undefined && typeof contentType !== 'string') throw invalid('contentType must be a string')
  return {
    topic,
    payload: Buffer.from(payload, encoding),
    qos: qos satisfies QoS,
    retain,
    ...(contentType !== undefined && { properties: { contentType } }),
  }
}

/** @throws Problem for an unknown field, which would be ignored silently otherwise */
export function onlyNames(body: Record<string, unknown>, names: readonly string[]): void {
  const unknown = Object.keys(body).find(name => !names.includes(name))
  if (unknown !== undefined) throw invalid(`there is no ${unknown} here, only ${names.join(', ')}`)
}
