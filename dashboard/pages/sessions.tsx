/** Clients and sessions: searched, page by page, with what can be done to one. */
import { useState } from 'preact/hooks'
import { type Session, useSessions } from '../api.js'
import { bytes, moment, number, VERSIONS } from '../format.js'
import { Failure, State, Table } from '../parts.js'
import { SessionDetails } from './session-details.js'

const SEARCHES = [
  ['prefix', 'Identifier begins with'],
  ['username', 'User name'],
  ['address', 'Address'],
] as const

type Search = Record<string, string>

/** `connected` shows clients that are connected; otherwise all sessions, with their queues. */
export function Sessions({ kind }: { kind: 'connected' | 'all' }) {
  const [search, setSearch] = useState<Search>({})
  const [pages, setPages] = useState<readonly string[]>([])
  const [chosen, setChosen] = useState<string>()
  const filter = { ...search, ...(kind === 'connected' && { connected: 'true' }) }
  const { items, next, isSearching, error, again } = useSessions(filter, pages.at(-1))
  const find = (values: Search) => {
    setSearch(values)
    setPages([])
  }
  const rows = items.map(session => rowOf(kind, session, setChosen))
  return (
    <>
      <SearchForm find={find} />
      {chosen !== undefined && (
        <SessionDetails key={chosen} clientId={chosen} close={() => setChosen(undefined)} changed={again} />
      )}
      <Failure text={error} />
      <Table caption="Sessions" heads={HEADS[kind]} rows={rows} empty={isSearching ? '' : 'There is none.'} />
      <p class="note" role="status">
        {isSearching && `Searching${next === undefined ? '' : `, behind ${next}`} …`}
      </p>
      <div class="actions">
        <button type="button" disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
          Previous
        </button>
        <button
          type="button"
          disabled={isSearching || next === undefined}
          onClick={() => next !== undefined && setPages([...pages, next])}
        >
          Next
        </button>
        <button type="button" onClick={again}>
          Refresh
        </button>
      </div>
    </>
  )
}

const HEADS = {
  connected: ['Client', 'User', 'Address', 'MQTT', 'Connected since', 'In flight', 'Dropped'],
  all: ['Session', 'State', 'Queued', 'Size', 'Subscriptions', 'Expires'],
} as const

function rowOf(kind: 'connected' | 'all', session: Session, choose: (clientId: string) => void) {
  const name = (
    <button type="button" class="link" onClick={() => choose(session.clientId)}>
      {session.clientId}
    </button>
  )
  if (kind === 'all') {
    const { queued, subscriptions, expiresAt, connected } = session
    const expiry = connected || expiresAt !== undefined ? moment(expiresAt) : 'never'
    return [
      name,
      <State key="state" connected={connected} />,
      number(queued.messages),
      bytes(queued.bytes),
      number(subscriptions),
      expiry,
    ]
  }
  const { username = '–', address = '–', protocolVersion = 0, connectedAt, inflight, drops } = session
  return [
    name,
    username,
    address,
    VERSIONS[protocolVersion] ?? '–',
    moment(connectedAt),
    number(inflight),
    number(drops),
  ]
}

function SearchForm({ find }: { find: (values: Search) => void }) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget as HTMLFormElement)
    find(Object.fromEntries(SEARCHES.map(([name]) => [name, String(data.get(name) ?? '')])))
  }
  return (
    <search>
      <form class="line" onSubmit={submit}>
        {SEARCHES.map(([name, label]) => (
          <label key={name}>
            {label}
            <input name={name} autocomplete="off" />
          </label>
        ))}
        <button type="submit">Search</button>
      </form>
    </search>
  )
}
