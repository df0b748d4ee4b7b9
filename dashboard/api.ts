/**
 * What the API answers, and requests to it.
 * Addresses are relative: the page may be mounted anywhere.
 */

export interface Sample {
  at: number
  receivedPerSecond: number
  sentPerSecond: number
  dropsPerSecond: number
  connected: number
  sessions: number
  queued?: number
  retained?: number
  loopDelayMs: number
  memoryBytes: number
}

export interface Amount {
  messages: number
  bytes: number
}

type Counts = Record<string, number>

export interface Stats {
  uptimeMs: number
  connections: { open: number; refused: Counts }
  clients: { connected: number; maximum: number; disconnected: Counts }
  sessions: { total: number; stored?: number; away?: number }
  subscriptions: { connected: number; total?: number; sharedGroups: number }
  retained: Partial<Amount>
  queued: Partial<Amount>
  inflight: number
  received: { bytes: number }
  sent: { bytes: number }
  publishRefused: Counts
  drops: Counts
}

export interface Session {
  clientId: string
  connected: boolean
  stored: boolean
  username?: string
  address?: string
  protocolVersion?: 3 | 4 | 5
  createdAt?: number
  connectedAt?: number
  disconnectedAt?: number
  keepalive?: number
  expiryInterval: number
  expiresAt?: number
  subscriptions: number
  inflight: number
  incoming: number
  queued: Amount
  drops: number
  received?: Traffic
  sent?: Traffic
  receivedPerSecond?: number
  sentPerSecond?: number
}

export interface Traffic {
  bytes: number
  messages: number
}

export interface Message {
  topic: string
  payload: string
  encoding: 'utf8' | 'base64'
  payloadBytes: number
  truncated: boolean
  qos: number
  retain: boolean
  clientId?: string
  receivedAt?: number
}

export interface Queued {
  message?: Message
  qos: number
  packetId?: number
  stored: boolean
}

export interface Subscription {
  clientId: string
  connected: boolean
  topic: string
  qos: number
  nl?: boolean
  rap?: boolean
  rh?: number
}

export interface Dropping {
  clientId: string
  drops: number
  lastAt: number
  byReason: Record<string, number>
  session?: Session
}

export interface SlowClient {
  clientId: string
  waiting: Amount
}

export interface LogLine {
  at: number
  level: 'error' | 'warn' | 'info' | 'debug'
  message: string
  fields: Record<string, unknown>
}

export interface Configuration {
  brokerId: string
  node: string
  limits: { name: string; limit?: number; used?: number }[]
  options: Record<string, unknown>
}

export const BASE = 'api/v1/'

/** An answer of the API; throws its sentence where it refuses. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const json = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(BASE + path, { method, ...json })
  if (!response.ok) throw await refusalOf(response)
  return response.json()
}

/** The API, or a proxy before it, refused. */
export class Refusal extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** A proxy answers with a page of its own, where nobody is behind it. */
export async function refusalOf(response: Response): Promise<Refusal> {
  const answer = await response.json().catch(() => undefined)
  return new Refusal(response.status, answer?.error?.message ?? `${response.status} ${response.statusText}`)
}

export function get<T>(path: string): Promise<T> {
  return call('GET', path)
}

/** `name=value` pairs, without those that are empty. */
export function query(values: Record<string, string | undefined>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => Boolean(entry[1]))
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

export function sessionPath(clientId: string): string {
  return `sessions/${encodeURIComponent(clientId)}`
}
