/** Clients that lost messages, the latest first. */
import { useEffect } from 'preact/hooks'
import { type Dropping, useAnswer } from '../api.js'
import { moment, number } from '../format.js'
import { Failure, State, Table } from '../parts.js'

const REFRESH_MS = 3000

export function DroppingClients() {
  const { answer, error, again } = useAnswer<{ items: Dropping[] }>('dropping')
  useEffect(() => {
    const timer = setInterval(again, REFRESH_MS)
    return () => clearInterval(timer)
  }, [])
  const rows = (answer?.items ?? []).map(({ clientId, drops, byReason, lastAt, session }) => [
    clientId,
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
      <Failure text={error} />
      <Table
        caption="Clients that lost messages"
        heads={['Client', 'State', 'Dropped', 'Why', 'Queued', 'Last']}
        rows={rows}
        empty="No client lost a message."
      />
    </>
  )
}
