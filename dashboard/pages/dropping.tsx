/** Clients that do not keep up, the slowest first, and clients that lost messages, the latest first. */
import { useAnswer, useRefresh } from '../answers.js'
import type { Dropping, SlowClient } from '../api.js'
import { bytes, moment, number } from '../format.js'
import { Failure, State, Table } from '../parts.js'
import { SessionLink, useDetails } from './session-details.js'

export function DroppingClients() {
  const { answer, error, again } = useAnswer<{ items: Dropping[] }>('dropping')
  const slow = useAnswer<{ items: SlowClient[] }>('slow?limit=20')
  const refresh = () => {
    again()
    slow.again()
  }
  useRefresh(refresh)
  const { details, choose } = useDetails(refresh)
  const rows = (answer?.items ?? []).map(({ clientId, drops, byReason, lastAt, session }) => [
    session ? <SessionLink key="name" clientId={clientId} choose={choose} /> : clientId,
    session ? <State key="state" connected={session.connected} /> : 'gone',
    number(drops),
    Object.entries(byReason)
      .map(([reason, count]) => `${reason} ${number(count)}`)
      .join(', '),
    number(session?.queued.messages),
    moment(lastAt),
  ])
  return (
    <>
      <p>
        A client that reads too slowly fills its queue; then messages for it are dropped. Counted since the
        administration was started.
      </p>
      <Failure text={error ?? slow.error} />
      {details}
      <h2>Slow now</h2>
      <Table
        caption="Clients for which most messages wait"
        heads={['Client', 'Waiting', 'Bytes']}
        rows={(slow.answer?.items ?? []).map(({ clientId, waiting }) => [
          <SessionLink key="name" clientId={clientId} choose={choose} />,
          number(waiting.messages),
          bytes(waiting.bytes),
        ])}
        empty="Every connected client keeps up."
      />
      <h2>Lost messages</h2>
      <Table
        caption="Clients that lost messages"
        heads={['Client', 'State', 'Dropped', 'Why', 'Queued', 'Last']}
        rows={rows}
        empty="No client lost a message."
      />
    </>
  )
}
