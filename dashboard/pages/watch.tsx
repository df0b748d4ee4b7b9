/** What is published to a filter at the moment: the latest messages, as many as one can read. */
import { useEffect, useState } from 'preact/hooks'
import { type Message, messagesUrl } from '../api.js'
import { number, type PayloadForm, payload } from '../format.js'
import { Failure, Table } from '../parts.js'

const MOST = 100

interface Seen {
  messages: (Message & { at: string })[]
  skipped: number
  isBroken: boolean
}

const NOTHING: Seen = { messages: [], skipped: 0, isBroken: false }

export function Watch({ form }: { form: PayloadForm }) {
  const [filter, setFilter] = useState<string>()
  const { messages, skipped, isBroken } = useMessages(filter)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    setFilter(
      filter === undefined ? String(new FormData(event.currentTarget as HTMLFormElement).get('filter')) : undefined,
    )
  }
  const rows = messages.map(message => [
    message.topic,
    <code key="payload">{payload(message, form).slice(0, 500)}</code>,
    number(message.qos),
    message.at,
  ])
  return (
    <section aria-labelledby="watch">
      <h2 id="watch">Messages as they come</h2>
      <form class="line" onSubmit={submit}>
        <label>
          Filter
          <input name="filter" required defaultValue="#" disabled={filter !== undefined} autocomplete="off" />
        </label>
        <button type="submit">{filter === undefined ? 'Watch' : 'Stop'}</button>
        {skipped > 0 && <span class="note">{number(skipped)} more were not shown</span>}
      </form>
      <Failure text={isBroken ? 'The stream has ended. Is the filter right?' : undefined} />
      <Table
        caption="Messages, latest first"
        heads={['Topic', 'Payload', 'QoS', 'At']}
        rows={rows}
        empty={filter === undefined ? 'Nothing is watched.' : 'Nothing yet.'}
      />
    </section>
  )
}

function useMessages(filter: string | undefined): Seen {
  const [seen, setSeen] = useState(NOTHING)
  useEffect(() => {
    if (filter === undefined) return undefined
    setSeen(NOTHING)
    const source = new EventSource(messagesUrl(filter))
    source.addEventListener('message', event => {
      const message = { ...JSON.parse(event.data), at: new Date().toLocaleTimeString() }
      setSeen(last => ({ ...last, messages: [message, ...last.messages].slice(0, MOST) }))
    })
    source.addEventListener('skipped', event => {
      const { messages } = JSON.parse(event.data)
      setSeen(last => ({ ...last, skipped: last.skipped + messages }))
    })
    source.addEventListener('error', () =>
      setSeen(last => ({ ...last, isBroken: source.readyState === source.CLOSED })),
    )
    return () => source.close()
  }, [filter])
  return seen
}
