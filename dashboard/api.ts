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

/**
 * Live values, while somebody can see the page. Browsers open six connections to a server at most: tabs in the background
 * must not take them. What they missed is in the history.
 */
export function useLive(): LiveValues {
  const [live, setLive] = useState<LiveValues>({ samples: [], stats: undefined, isOpen: false })
  useEffect(() => {
    let source: EventSource | undefined
    const look = () => {
      source?.close()
      source = document.hidden ? undefined : openLive(setLive)
    }
    look()
    document.addEventListener('visibilitychange', look)
    return () => {
      document.removeEventListener('visibilitychange', look)
      source?.close()
    }
  }, [])
  return live
}

function openLive(setLive: (change: (last: LiveValues) => LiveValues) => void): EventSource {
  const source = new EventSource(`${BASE}live`)
  source.addEventListener('history', event => {
    const history: Sample[] = JSON.parse(event.data)
    const begin = history[0]?.at ?? Number.POSITIVE_INFINITY
    setLive(({ samples, stats }) => {
      const earlier = samples.filter(({ at }) => at < begin)
      return { samples: [...earlier, ...history].slice(-MOST_SAMPLES), stats, isOpen: true }
    })
  })
  source.addEventListener('sample', event => {
    const { sample, stats } = JSON.parse(event.data)
    setLive(({ samples }) => ({ samples: [...samples, sample].slice(-MOST_SAMPLES), stats, isOpen: true }))
  })
  source.addEventListener('error', () => setLive(last => ({ ...last, isOpen: false })))
  return source
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

/** Sessions on a page. */
const PAGE = 50

export interface FoundSessions {
  items: readonly Session[]
  /** Where the next page begins. */
  next?: string | undefined
  isSearching: boolean
  error?: string | undefined
}

/**
 * A page of sessions. The broker looks at a limited number of them for each answer, which may have none that match: the
 * search goes on until the page is full, or there are no more.
 */
export function useSessions(
  filter: Record<string, string>,
  after: string | undefined,
): FoundSessions & { again: () => void } {
  const [found, setFound] = useState<FoundSessions>({ items: [], isSearching: true })
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let isCurrent = true
    const search = async () => {
      let items: Session[] = []
      let next = after
      do {
        const path = `sessions${query({ ...filter, limit: String(PAGE - items.length), after: next })}`
        const answer = await get<{ items: Session[]; next?: string }>(path)
        if (!isCurrent) return
        items = [...items, ...answer.items]
        next = answer.next
        setFound({ items, next, isSearching: items.length < PAGE && next !== undefined })
      } while (items.length < PAGE && next !== undefined)
    }
    search().catch(error => isCurrent && setFound({ items: [], isSearching: false, error: error.message }))
    return () => {
      isCurrent = false
    }
  }, [query(filter), after, turn])
  return { ...found, again: () => setTurn(last => last + 1) }
}

/** The stream of the log. */
export const LOG_URL = `${BASE}log`

/** The stream of the messages of a filter. */
export function messagesUrl(filter: string): string {
  return `${BASE}messages${query({ filter })}`
}
