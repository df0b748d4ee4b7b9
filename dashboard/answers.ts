/**
 * Answers of the API in a page: once, again and again, and page by page.
 * Owns when a request is made; must not know what is shown.
 */
import { useEffect, useState } from 'preact/hooks'
import { get, query } from './api.js'

/** What a request answers, again whenever its path changes or `again` is called. */
export function useAnswer<T>(path: string): { answer: T | undefined; error: string | undefined; again: () => void } {
  const [state, setState] = useState<{ answer?: T; error?: string }>({})
  const [turn, setTurn] = useState(0)
  useEffect(() => {
    let isCurrent = true
    get<T>(path).then(
      answer => isCurrent && setState({ answer }),
      error => isCurrent && setState({ error: error.message }),
    )
    return () => {
      isCurrent = false
    }
  }, [path, turn])
  return { answer: state.answer, error: state.error, again: () => setTurn(last => last + 1) }
}

const REFRESH_MS = 3000

/** Does something again and again, while the page can be seen. */
export function useRefresh(again: () => void, isOn = true): void {
  useEffect(() => {
    if (!isOn) return undefined
    const timer = setInterval(() => {
      if (!document.hidden) again()
    }, REFRESH_MS)
    return () => clearInterval(timer)
  }, [isOn])
}

/** Items on a page. */
const PAGE = 50

export interface Found<T> {
  items: readonly T[]
  /** Where the next page begins. */
  next?: string | undefined
  isSearching: boolean
  error?: string | undefined
}

/** The pages that one can turn. */
export interface Pages<T> extends Found<T> {
  isFirst: boolean
  again: () => void
  turnBack: () => void
  turn: () => void
}

/**
 * A page of a list. The broker looks at a limited number of sessions for each answer, which may have none that match:
 * the search goes on until the page is full, or there are no more. Another filter begins with its first page.
 */
export function usePages<T>(path: string, filter: Record<string, string>): Pages<T> {
  const wanted = query(filter)
  const [{ begins, of }, setBegins] = useState<{ begins: readonly string[]; of: string }>({ begins: [], of: wanted })
  const [found, setFound] = useState<Found<T>>({ items: [], isSearching: true })
  const [turns, setTurns] = useState(0)
  const before = of === wanted ? begins : []
  const after = before.at(-1)
  useEffect(() => {
    let isCurrent = true
    const search = async () => {
      let items: T[] = []
      let next = after
      do {
        const limit = String(PAGE - items.length)
        const answer = await get<{ items: T[]; next?: string }>(path + query({ ...filter, limit, after: next }))
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
  }, [path, wanted, after, turns])
  const { next } = found
  return {
    ...found,
    isFirst: before.length === 0,
    again: () => setTurns(last => last + 1),
    turnBack: () => setBegins({ begins: before.slice(0, -1), of: wanted }),
    turn: () => next !== undefined && setBegins({ begins: [...before, next], of: wanted }),
  }
}
