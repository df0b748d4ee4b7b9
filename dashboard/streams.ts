/**
 * Streams of the API as they come: live values, and others by their events.
 * Owns when a stream is opened again; must not know what pages make of it.
 */
import { useEffect, useState } from 'preact/hooks'
import { BASE, type Refusal, refusalOf, type Sample, type Stats } from './api.js'

/** Until a stream that was refused is tried again. */
const RETRY_MS = 3000

/** Samples that the page keeps: an hour of them. */
const MOST_SAMPLES = 3600

export interface StreamState {
  isOpen: boolean
  /** Why it is over: it would be refused again. */
  refusal?: Refusal | undefined
}

/** What is done with the data of each event, by its name. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the JSON has
export type Listeners = Readonly<Record<string, (data: any) => void>>

/**
 * Opens a stream. A browser opens it again where the connection was lost, but not where a proxy says that the broker is
 * away: then this does.
 * @returns a function that ends it
 */
export function openStream(path: string, listeners: Listeners, changed: (state: StreamState) => void): () => void {
  const end = new AbortController()
  let timer: number | undefined
  const open = () => {
    const source = new EventSource(BASE + path)
    end.signal.addEventListener('abort', () => source.close(), { once: true })
    source.addEventListener('open', () => changed({ isOpen: true }))
    for (const [name, listener] of Object.entries(listeners)) {
      source.addEventListener(name, ({ data }) => listener(JSON.parse(data)))
    }
    source.addEventListener('error', () => {
      if (end.signal.aborted) return
      changed({ isOpen: false })
      if (source.readyState === source.CLOSED) void again()
    })
  }
  const again = async () => {
    const refusal = await refusalFor(path, end.signal)
    if (end.signal.aborted) return
    if (refusal !== undefined && refusal.status < 500) changed({ isOpen: false, refusal })
    else timer = setTimeout(open, RETRY_MS)
  }
  open()
  return () => {
    clearTimeout(timer)
    end.abort()
  }
}

/** Why a stream is refused, which its events do not tell; undefined where it is not, or nobody answers. */
async function refusalFor(path: string, signal: AbortSignal): Promise<Refusal | undefined> {
  const once = new AbortController()
  try {
    const response = await fetch(BASE + path, { signal: AbortSignal.any([signal, once.signal]) })
    return response.ok ? undefined : await refusalOf(response)
  } catch {
    return undefined
  } finally {
    once.abort()
  }
}

/** The state of a stream, while its path is given. */
export function useStream(path: string | undefined, listeners: Listeners): StreamState {
  const [state, setState] = useState<StreamState>({ isOpen: false })
  useEffect(() => {
    setState({ isOpen: false })
    return path === undefined ? undefined : openStream(path, listeners, setState)
  }, [path])
  return state
}

export interface LiveValues extends StreamState {
  samples: readonly Sample[]
  stats: Stats | undefined
}

/**
 * Live values, while somebody can see the page. Browsers open six connections to a server at most: tabs in the
 * background must not take them. What they missed is in the history.
 */
export function useLive(): LiveValues {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  const [stats, setStats] = useState<Stats>()
  const [isSeen, setSeen] = useState(!document.hidden)
  useEffect(() => {
    const look = () => setSeen(!document.hidden)
    document.addEventListener('visibilitychange', look)
    return () => document.removeEventListener('visibilitychange', look)
  }, [])
  const state = useStream(isSeen ? 'live' : undefined, {
    history: (history: Sample[]) => {
      const begin = history[0]?.at ?? Number.POSITIVE_INFINITY
      setSamples(last => [...last.filter(({ at }) => at < begin), ...history].slice(-MOST_SAMPLES))
    },
    sample: (event: { sample: Sample; stats: Stats }) => {
      setSamples(last => [...last, event.sample].slice(-MOST_SAMPLES))
      setStats(event.stats)
    },
  })
  return { ...state, samples, stats }
}
