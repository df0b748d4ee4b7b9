/** Who subscribes to what: of a client, with a filter, or all that get the messages of a topic. */
import { useState } from 'preact/hooks'
import { usePages } from '../answers.js'
import type { Subscription } from '../api.js'
import { number, optionsOf } from '../format.js'
import { Failure, Pager, SearchForm, State, Table } from '../parts.js'
import { SessionLink, useDetails } from './session-details.js'

const SEARCHES = [
  ['topic', 'Gets messages of topic'],
  ['filter', 'Filter is'],
  ['clientId', 'Client is'],
] as const

export function Subscriptions() {
  const [search, setSearch] = useState<Record<string, string>>({})
  const pages = usePages<Subscription>('subscriptions', search)
  const { items, isSearching, error } = pages
  const { details, choose } = useDetails(pages.again)
  const rows = items.map(subscription => [
    <SessionLink key="name" clientId={subscription.clientId} choose={choose} />,
    <State key="state" connected={subscription.connected} />,
    <code key="filter">{subscription.topic}</code>,
    number(subscription.qos),
    optionsOf(subscription),
  ])
  return (
    <>
      <SearchForm fields={SEARCHES} find={setSearch} />
      {details}
      <Failure text={error} />
      <Table
        caption="Subscriptions"
        heads={['Client', 'State', 'Filter', 'QoS', 'Options']}
        rows={rows}
        empty={isSearching ? '' : 'There is none.'}
      />
      <Pager pages={pages} place={items.at(-1)?.clientId} />
    </>
  )
}
