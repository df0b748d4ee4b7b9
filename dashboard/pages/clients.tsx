/** Clients that are connected: searched, page by page, or those with most of something first. */
import { useState } from 'preact/hooks'
import { useAnswer, usePages, useRefresh } from '../answers.js'
import { query, type Session } from '../api.js'
import { moment, number, VERSIONS } from '../format.js'
import { Failure, Pager, SearchForm, Table } from '../parts.js'
import { SessionLink, useDetails } from './session-details.js'
import { SEARCHES } from './sessions.js'

/** What the API calls them; without a name, by identifier. */
const ORDERS = [
  ['', 'Identifier'],
  ['received', 'Most messages in per second'],
  ['sent', 'Most messages out per second'],
  ['waiting', 'Most messages waiting'],
  ['drops', 'Most messages dropped'],
] as const

const HEADS = ['Client', 'User', 'Address', 'MQTT', 'Connected since', 'In/s', 'Out/s', 'Queued', 'Dropped'] as const

export function Clients() {
  const [order, setOrder] = useState('')
  return (
    <>
      <label class="order">
        Order
        <select value={order} onChange={event => setOrder(event.currentTarget.value)}>
          {ORDERS.map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {order === '' ? <ByIdentifier /> : <Top key={order} by={order} />}
    </>
  )
}

function ByIdentifier() {
  const [search, setSearch] = useState<Record<string, string>>({})
  const pages = usePages<Session>('sessions', { ...search, connected: 'true' })
  const { items, next, isSearching, error, again } = pages
  const { details, choose } = useDetails(again)
  // a search by user or address looks at every client
  useRefresh(again, !search.username && !search.address)
  return (
    <>
      <SearchForm fields={SEARCHES} find={setSearch} />
      {details}
      <Failure text={error} />
      <Clientele items={items} choose={choose} empty={isSearching ? '' : 'There is none.'} />
      <Pager pages={pages} place={next} />
    </>
  )
}

function Top({ by }: { by: string }) {
  const { answer, error, again } = useAnswer<{ items: Session[] }>(`top${query({ by, limit: '50' })}`)
  const { details, choose } = useDetails(again)
  useRefresh(again)
  return (
    <>
      {details}
      <Failure text={error} />
      <p class="note" role="status">
        {answer === undefined && error === undefined && 'Measuring …'}
      </p>
      <Clientele items={answer?.items ?? []} choose={choose} empty={answer === undefined ? '' : 'No client has any.'} />
    </>
  )
}

interface ClienteleProps {
  items: readonly Session[]
  choose: (clientId: string) => void
  empty: string
}

function Clientele({ items, choose, empty }: ClienteleProps) {
  return <Table caption="Clients" heads={HEADS} rows={items.map(session => rowOf(session, choose))} empty={empty} />
}

function rowOf(session: Session, choose: (clientId: string) => void) {
  const { clientId, username = '–', address = '–', protocolVersion = 0, connectedAt, queued, drops } = session
  return [
    <SessionLink key="name" clientId={clientId} choose={choose} />,
    username,
    address,
    VERSIONS[protocolVersion] ?? '–',
    moment(connectedAt),
    number(session.receivedPerSecond),
    number(session.sentPerSecond),
    number(queued.messages),
    number(drops),
  ]
}
