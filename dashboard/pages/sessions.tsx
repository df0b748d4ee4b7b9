/** All sessions, of clients that are away as well: searched, page by page, with what can be done to one. */
import { useState } from 'preact/hooks'
import { usePages } from '../answers.js'
import type { Session } from '../api.js'
import { bytes, moment, number } from '../format.js'
import { Failure, Pager, SearchForm, State, Table } from '../parts.js'
import { SessionLink, useDetails } from './session-details.js'

export const SEARCHES = [
  ['prefix', 'Identifier begins with'],
  ['username', 'User name'],
  ['address', 'Address'],
] as const

const HEADS = ['Session', 'State', 'Queued', 'Size', 'Subscriptions', 'Expires'] as const

export function Sessions() {
  const [search, setSearch] = useState<Record<string, string>>({})
  const pages = usePages<Session>('sessions', search)
  const { items, next, isSearching, error } = pages
  const { details, choose } = useDetails(pages.again)
  return (
    <>
      <SearchForm fields={SEARCHES} find={setSearch} />
      {details}
      <Failure text={error} />
      <Table
        caption="Sessions"
        heads={HEADS}
        rows={items.map(session => rowOf(session, choose))}
        empty={isSearching ? '' : 'There is none.'}
      />
      <Pager pages={pages} place={next} />
    </>
  )
}

function rowOf({ clientId, connected, queued, subscriptions, expiresAt }: Session, choose: (clientId: string) => void) {
  return [
    <SessionLink key="name" clientId={clientId} choose={choose} />,
    <State key="state" connected={connected} />,
    number(queued.messages),
    bytes(queued.bytes),
    number(subscriptions),
    connected || expiresAt !== undefined ? moment(expiresAt) : 'never',
  ]
}
