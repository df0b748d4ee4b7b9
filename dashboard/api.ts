/**
 * Requests to the API, and the stream of live values.
 * Addresses are relative: the page may be mounted anywhere.
 */
import { useEffect, useState } from 'preact/hooks'

export interface Sample {
  at: number
  receivedPerSecond: number
  sentPerSecond: number
  dropsPerSecond: number
  connected: number
  sessions: number
  queued?: number
  retained: number
  loopDelayMs: number
  memoryBytes: number
}

export interface Amount {
  messages: number
  bytes: number
}

export interface Stats {
  uptimeMs: number
  connections: { open: number }
  clients: { connected: number; maximum: number }
  sessions: { total: number; stored?: number; away?: number }
  subscriptions: { connected: number; stored?: number; sharedGroups: number }
  retained: Amount
  queued: Partial<Amount>
  drops: Record<string, number>
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
}

export interface Queued {
  message?: Message
  qos: number
  packetId?: number
  stored: boolean
}

export interface Subscription {
  clientId: string
  topic: string
  qos: number
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

const BASE = 'api/v1/'

/** Samples that the page keeps: an hour of them. */
const MOST_SAMPLES = 3600

/** An answer of the API; throws its sentence where it refuses. */
export async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const json = body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(BASE + path, { method, ...json })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.error?.message ?? response.statusText)
  return answer
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

export interface LiveValues {
  samples: readonly Sample[]
  stats: Stats | undefined
  isOpen: boolean
}

/** Live values, as long as the page is open. */
export function useLive(): LiveValues {
  const [live, setLive] = useState<LiveValues>({ samples: [], stats: undefined, isOpen: false })
  useEffect(() => {
    const source = new EventSource(`${BASE}live`)
    source.addEventListener('history', event => {
      setLive(({ stats }) => ({ samples: JSON.parse(event.data), stats, isOpen: true }))
    })
    source.addEventListener('sample', event => {
      const { sample, stats } = JSON.parse(event.data)
      setLive(({ samples }) => ({ samples: [...samples, sample].slice(-MOST_SAMPLES), stats, isOpen: true }))
    })
    source.addEventListener('error', () => setLive(last => ({ ...last, isOpen: false })))
    return () => source.close()
  }, [])
  return live
}

/** What a request answers, again whenever its path changes or `again` is called. */
export function useAnswer<T>(path: string): { answer: T | undefined; error: string | undefined; again: () => void } {
  const [state, setState] = useState<{ path: string; answer?: T; error?: string }>({ path })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let isCurrent = true
    get<T>(path).then(
      answer => isCurrent && setState({ path, answer }),
      error => isCurrent && setState({ path, error: error.message }),
    )
    return () => {
      isCurrent = false
    }
  }, [path, turn])
  return { answer: state.answer, error: state.error, again: () => setTurn(last => last + 1) }
}

/** The stream of the log. */
export const LOG_URL = `${BASE}log`

/** The stream of the messages of a filter. */
export function messagesUrl(filter: string): string {
  return `${BASE}messages${query({ filter })}`
}
