/** Who subscribes to what: of a client, with a filter, or all that get the messages of a topic. */
import { useState } from 'preact/hooks'
import { usePages } from '../answers.js'
import type { Subscription } from '../api.js'
import { number } from '../format.js'
import { Failure, Pager, SearchForm, State, Table } from '../parts.js'

const SEARCHES = [
  ['topic', 'Gets messages of topic'],
  ['filter', 'Filter is'],
  ['clientId', 'Client is'],
] as const

export function Subscriptions() {
  const [search, setSearch] = useState<Record<string, string>>({})
  const pages = usePages<Subscription>('subscriptions', search)
  const { items, isSearching, error } = pages
  const rows = items.map(subscription => [
    subscription.clientId,
    <State key="state" connected={subscription.connected} />,
    <code key="filter">{subscription.topic}</code>,
    number(subscription.qos),
    optionsOf(subscription),
  ])
  return (
    <>
      <SearchForm fields={SEARCHES} find={setSearch} />
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

/** Those of MQTT 5.0, where they are not the usual ones. */
export function optionsOf({ nl = false, rap = false, rh = 0 }: Subscription): string {
  const options = [nl && 'No Local', rap && 'Retain As Published', rh > 0 && `Retain Handling ${rh}`]
  return options.filter(Boolean).join(', ') || '–'
}
