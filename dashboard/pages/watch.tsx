/** What is published to a filter at the moment: the latest messages, as many as one can read. */
import { useState } from 'preact/hooks'
import { type Message, query } from '../api.js'
import { number, type PayloadForm, payload } from '../format.js'
import { Failure, Table } from '../parts.js'
import { useStream } from '../streams.js'

const MOST = 100

interface Seen {
  messages: (Message & { at: string })[]
  skipped: number
}

const NOTHING: Seen = { messages: [], skipped: 0 }

export function Watch({ form }: { form: PayloadForm }) {
  const [filter, setFilter] = useState<string>()
  const [{ messages, skipped }, setSeen] = useState(NOTHING)
  const { refusal } = useStream(filter === undefined ? undefined : `messages${query({ filter })}`, {
    message: (message: Message) => {
      const seen = { ...message, at: new Date().toLocaleTimeString() }
      setSeen(last => ({ ...last, messages: [seen, ...last.messages].slice(0, MOST) }))
    },
    skipped: (more: { messages: number }) => setSeen(last => ({ ...last, skipped: last.skipped + more.messages })),
  })
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const entered = String(new FormData(event.currentTarget as HTMLFormElement).get('filter'))
    if (filter === undefined) setSeen(NOTHING)
    setFilter(filter === undefined ? entered : undefined)
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
      <Failure text={refusal?.message} />
      <Table
        caption="Messages, latest first"
        heads={['Topic', 'Payload', 'QoS', 'At']}
        rows={rows}
        empty={filter === undefined ? 'Nothing is watched.' : 'Nothing yet.'}
      />
    </section>
  )
}
