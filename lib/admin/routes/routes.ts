/**
 * The table of all routes, from which requests are matched and the OpenAPI document is generated.
 * Knows names and shapes; must not know what a route does.
 */
import type { AuditAction } from '../audit.js'
import type { Exchange } from '../exchange.js'
import type { Live } from './live.js'
import type { Parts } from './reading.js'
import * as reading from './reading.js'
import * as writing from './writing.js'

export type Method = 'GET' | 'POST' | 'DELETE'

interface RouteBase {
  readonly method: Method
  /** `{id}` stands for one percent-encoded client identifier. */
  readonly path: string
  readonly summary: string
  /** Names of the query parameters. */
  readonly query?: readonly QueryName[]
  /** Schema of the body. */
  readonly body?: string
  /** Error statuses, in addition to those of every route. */
  readonly refusals?: readonly number[]
}

/** A route that answers once, with the schema `answer`. */
export interface ReadRoute extends RouteBase {
  readonly kind: 'read'
  readonly answer: string
  readonly run: (parts: Parts, exchange: Exchange) => unknown
}

/** A route that changes something and answers once. */
export interface WriteRoute extends RouteBase {
  readonly kind: 'write'
  readonly answer: string
  readonly action: AuditAction
  readonly run: (parts: Parts, exchange: Exchange, about: writing.Target) => Promise<unknown>
}

/** A route that sends server-sent events until one end closes. */
export interface StreamRoute extends RouteBase {
  readonly kind: 'stream'
  readonly run: (live: Live, exchange: Exchange) => void | Promise<void>
}

export type Route = ReadRoute | WriteRoute | StreamRoute

/** Descriptions of the query parameters. */
export const QUERY = {
  after: '`next` of the page before',
  limit: 'Most items, 1 to 1000. Without: 100',
  prefix: 'How the client identifier begins',
  username: 'The user name',
  address: 'The address of the client',
  connected: 'true or false',
  clientId: 'The client identifier',
  filter: 'A topic filter',
  topic: 'A topic: those that a message of it would match',
  by: 'received or sent (messages per second), waiting or drops (messages)',
} as const

export type QueryName = keyof typeof QUERY

const API = '/api/v1'
const PAGE = ['after', 'limit'] as const

export const ROUTES: readonly Route[] = [
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/stats`,
    summary: 'How much there is of everything at the moment',
    answer: 'Stats',
    run: ({ broker }) => broker.stats(),
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/history`,
    summary: 'The samples that are kept, oldest first',
    answer: 'History',
    run: ({ recorder }) => ({ items: recorder.samples }),
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/configuration`,
    summary: 'Limits with what is used of them, and the options that are plain values',
    answer: 'Configuration',
    run: reading.configuration,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/sessions`,
    summary: 'Sessions, of clients that are connected and of others, page by page',
    query: [...PAGE, 'prefix', 'username', 'address', 'connected'],
    answer: 'SessionPage',
    run: reading.sessions,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/sessions/{id}`,
    summary: 'One session',
    refusals: [404],
    answer: 'Session',
    run: reading.session,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/sessions/{id}/queue`,
    summary: 'What waits for a client, oldest first; nothing is taken out',
    query: ['limit'],
    answer: 'Queue',
    run: reading.queue,
  },
  {
    kind: 'write',
    method: 'POST',
    path: `${API}/sessions/{id}/disconnect`,
    summary: 'End the connection of a client; its session stays if it has an expiry',
    body: 'Disconnect',
    refusals: [404],
    answer: 'Done',
    action: 'disconnect',
    run: writing.disconnect,
  },
  {
    kind: 'write',
    method: 'DELETE',
    path: `${API}/sessions/{id}`,
    summary: 'End a session with all that it has, and the connection of its client before that',
    refusals: [404],
    answer: 'Done',
    action: 'delete-session',
    run: writing.deleteSession,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/subscriptions`,
    summary: 'Subscriptions, page by page',
    query: [...PAGE, 'clientId', 'filter', 'topic'],
    answer: 'SubscriptionPage',
    run: reading.subscriptions,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/dropping`,
    summary: 'Clients that lost messages since the administration began, the latest first, 100 at most',
    query: ['limit'],
    answer: 'DroppingList',
    run: reading.dropping,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/slow`,
    summary: 'Connected clients with the most messages waiting for them, the slowest first',
    query: ['limit'],
    answer: 'SlowList',
    run: reading.slow,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/top`,
    summary:
      'Connected clients with the most messages per second, the most that wait or that were dropped; 100 at most',
    query: ['by', 'limit'],
    answer: 'SessionList',
    run: reading.top,
  },
  {
    kind: 'read',
    method: 'GET',
    path: `${API}/retained`,
    summary: 'Retained messages of a filter',
    query: ['filter', 'limit'],
    answer: 'MessageList',
    run: reading.retained,
  },
  {
    kind: 'write',
    method: 'DELETE',
    path: `${API}/retained`,
    summary: 'Delete the retained messages of a filter; subscribers are not told',
    query: ['filter'],
    answer: 'Deleted',
    action: 'delete-retained',
    run: writing.deleteRetained,
  },
  {
    kind: 'write',
    method: 'POST',
    path: `${API}/publish`,
    summary: 'Publish a message on behalf of the broker',
    body: 'Publish',
    refusals: [409],
    answer: 'Done',
    action: 'publish',
    run: writing.publish,
  },
  {
    kind: 'stream',
    method: 'GET',
    path: `${API}/live`,
    summary: 'Events `history` (the samples so far) and `sample` (a sample and all numbers)',
    run: (live, exchange) => live.samples(exchange),
  },
  {
    kind: 'stream',
    method: 'GET',
    path: `${API}/log`,
    summary: 'Events `lines` (the last lines of the log, oldest first) and `line`',
    refusals: [404],
    run: (live, exchange) => live.log(exchange),
  },
  {
    kind: 'stream',
    method: 'GET',
    path: `${API}/messages`,
    summary:
      'Events `message` for what is published, 50 per second at most, and `skipped` for how many more there were',
    query: ['filter'],
    run: (live, exchange) => live.messages(exchange),
  },
]
