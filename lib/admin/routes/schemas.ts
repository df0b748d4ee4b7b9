/**
 * The JSON Schemas of requests and responses: the components of the OpenAPI document.
 * Fields that may be undefined are absent in JSON, and so not required here.
 */

export type Schema = Readonly<Record<string, unknown>>

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const count = { type: 'integer', minimum: 0 } as const
const amount = { type: 'number', minimum: 0 } as const
const moment = { type: 'integer', description: 'Milliseconds since the epoch' } as const
const qos = { type: 'integer', enum: [0, 1, 2] } as const
const encoding = { type: 'string', enum: ['utf8', 'base64'] } as const
const perSecond = {
  ...amount,
  description: 'Messages per second since the counters were read before; missing where that was not within a minute',
} as const
const counts = { type: 'object', additionalProperties: count } as const

export function reference(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

/** An object with exactly these properties; a name that ends with `?` is optional. */
function object(properties: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(properties)
  return {
    type: 'object',
    properties: Object.fromEntries(entries.map(([name, schema]) => [name.replace(/\?$/, ''), schema])),
    required: entries.map(([name]) => name).filter(name => !name.endsWith('?')),
    additionalProperties: false,
  }
}

function listOf(name: string, extra: Readonly<Record<string, Schema>>): Schema {
  return object({ items: { type: 'array', items: reference(name) }, ...extra })
}

/** The schema of a session. Fields that a store may not know are optional. */
const SESSION = object({
  clientId: text,
  connected: flag,
  stored: flag,
  'username?': text,
  'address?': text,
  'protocolVersion?': { type: 'integer', enum: [3, 4, 5] },
  'createdAt?': moment,
  'connectedAt?': moment,
  'disconnectedAt?': moment,
  'keepalive?': count,
  expiryInterval: count,
  'expiresAt?': moment,
  subscriptions: count,
  inflight: count,
  incoming: count,
  queued: reference('Amount'),
  drops: count,
  'received?': reference('Traffic'),
  'sent?': reference('Traffic'),
  'receivedPerSecond?': perSecond,
  'sentPerSecond?': perSecond,
})

const MESSAGE = object({
  topic: text,
  payload: text,
  encoding,
  payloadBytes: count,
  truncated: { type: 'boolean', description: 'Whether this is only the beginning of the payload' },
  qos,
  retain: flag,
  'clientId?': text,
  'receivedAt?': moment,
  'expiresAt?': moment,
  'contentType?': text,
  'responseTopic?': text,
  'userProperties?': { type: 'object' },
})

const SAMPLE = object({
  at: moment,
  receivedPerSecond: amount,
  sentPerSecond: amount,
  dropsPerSecond: amount,
  connected: count,
  sessions: count,
  'queued?': count,
  'retained?': count,
  loopDelayMs: amount,
  memoryBytes: count,
})

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({ error: object({ code: text, message: text }) }),
  Amount: object({ messages: count, bytes: count }),
  Traffic: object({ bytes: count, packets: count, messages: count }),
  Health: object({ ok: flag }),
  Stats: {
    type: 'object',
    required: ['uptimeMs', 'connections', 'clients', 'sessions', 'subscriptions', 'retained', 'queued', 'drops'],
    properties: {
      startedAt: moment,
      uptimeMs: count,
      connections: { type: 'object', required: ['open'], properties: { open: count } },
      clients: { type: 'object', required: ['connected', 'maximum'], properties: { connected: count, maximum: count } },
      sessions: { type: 'object', required: ['total'], properties: { total: count, stored: count, away: count } },
      subscriptions: { type: 'object', required: ['connected', 'sharedGroups'] },
      retained: { type: 'object', properties: { messages: count, bytes: count } },
      queued: { type: 'object', properties: { messages: count, bytes: count } },
      drops: counts,
    },
  },
  Sample: SAMPLE,
  History: listOf('Sample', {}),
  Session: SESSION,
  SessionPage: listOf('Session', { 'next?': text }),
  SessionList: listOf('Session', {}),
  Subscription: {
    type: 'object',
    required: ['clientId', 'connected', 'topic', 'qos'],
    properties: { clientId: text, connected: flag, topic: text, qos },
  },
  SubscriptionPage: listOf('Subscription', { 'next?': text }),
  Message: MESSAGE,
  MessageList: listOf('Message', { more: flag }),
  Queued: object({ 'message?': reference('Message'), qos, retain: flag, 'packetId?': count, stored: flag }),
  Queue: listOf('Queued', { more: flag }),
  Dropping: object({
    clientId: text,
    drops: count,
    lastAt: moment,
    byReason: counts,
    'session?': reference('Session'),
  }),
  DroppingList: listOf('Dropping', {}),
  SlowClient: object({ clientId: text, waiting: reference('Amount') }),
  SlowList: listOf('SlowClient', {}),
  Limit: object({
    name: text,
    'limit?': { type: 'number', description: 'Missing: none' },
    'used?': count,
  }),
  Configuration: object({
    brokerId: text,
    node: text,
    limits: { type: 'array', items: reference('Limit') },
    options: { type: 'object' },
  }),
  Publish: object({
    topic: { type: 'string', minLength: 1 },
    'payload?': text,
    'encoding?': encoding,
    'qos?': qos,
    'retain?': flag,
    'contentType?': text,
  }),
  Disconnect: object({
    'reasonString?': text,
    'will?': { type: 'string', enum: ['publish', 'discard'] },
  }),
  Done: object({ done: flag }),
  Deleted: object({ deleted: count }),
}
