/** Retained messages as a tree, a box to publish, and what is published at the moment. */
import { useMemo, useState } from 'preact/hooks'
import { useAnswer } from '../answers.js'
import { call, type Message, query } from '../api.js'
import { type PayloadForm, payload } from '../format.js'
import { Danger, Failure } from '../parts.js'
import { Watch } from './watch.js'

export function Topics() {
  const [filter, setFilter] = useState('#')
  const [draft, setDraft] = useState<Message>()
  const [form, setForm] = useState<PayloadForm>('text')
  const { answer, error, again } = useAnswer<{ items: Message[]; more: boolean }>(
    `retained${query({ filter, limit: '1000' })}`,
  )
  const tree = useMemo(() => treeOf(answer?.items ?? []), [answer])
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    setFilter(String(new FormData(event.currentTarget as HTMLFormElement).get('filter')) || '#')
    again()
  }
  return (
    <>
      <div class="columns">
        <section aria-labelledby="retained">
          <h2 id="retained">Retained messages</h2>
          <form class="line" onSubmit={submit}>
            <label>
              Filter
              <input name="filter" defaultValue="#" autocomplete="off" />
            </label>
            <button type="submit">Show</button>
            <FormChoice form={form} choose={setForm} />
          </form>
          <Failure text={error} />
          {answer?.items.length === 0 && <p class="empty">There is none.</p>}
          {answer?.more && <p class="empty">These are 1000 of more: narrow the filter.</p>}
          <Branch node={tree} form={form} edit={setDraft} changed={again} />
        </section>
        <Publish key={draft?.topic ?? ''} draft={draft} published={again} />
      </div>
      <Watch form={form} />
    </>
  )
}

function FormChoice({ form, choose }: { form: PayloadForm; choose: (form: PayloadForm) => void }) {
  return (
    <label>
      Payloads as
      <select value={form} onChange={event => choose(event.currentTarget.value as PayloadForm)}>
        <option value="text">text</option>
        <option value="json">JSON</option>
        <option value="hex">hex</option>
      </select>
    </label>
  )
}

interface Node {
  children: Map<string, Node>
  message?: Message
}

function treeOf(messages: readonly Message[]): Node {
  const root: Node = { children: new Map() }
  for (const message of messages) {
    let node = root
    for (const level of message.topic.split('/')) {
      const next = node.children.get(level) ?? { children: new Map() }
      node.children.set(level, next)
      node = next
    }
    node.message = message
  }
  return root
}

interface BranchProps {
  node: Node
  form: PayloadForm
  edit: (message: Message) => void
  changed: () => void
}

function Branch({ node, ...rest }: BranchProps) {
  const levels = [...node.children].sort(([a], [b]) => (a < b ? -1 : 1))
  return (
    <ul class="tree">
      {levels.map(([level, child]) => (
        <li key={level}>
          {child.children.size === 0 ? (
            <span class="level">{level || '(empty)'}</span>
          ) : (
            <details open={levels.length < 20}>
              <summary class="level">{level || '(empty)'}</summary>
              <Branch node={child} {...rest} />
            </details>
          )}
          {child.message && <Retained message={child.message} {...rest} />}
        </li>
      ))}
    </ul>
  )
}

function Retained({ message, form, edit, changed }: Omit<BranchProps, 'node'> & { message: Message }) {
  // an empty retained message takes it away, and tells subscribers
  const remove = () => call('POST', 'publish', { topic: message.topic, retain: true }).then(changed)
  return (
    <div class="retained">
      <pre>{payload(message, form).slice(0, 2000)}</pre>
      <div class="actions">
        <button type="button" aria-label={`Edit ${message.topic}`} onClick={() => edit(message)}>
          Edit
        </button>
        <Danger label="Delete" question={`Delete the retained message of ${message.topic}?`} run={remove} />
      </div>
    </div>
  )
}

function Publish({ draft, published }: { draft: Message | undefined; published: () => void }) {
  const [result, setResult] = useState('')
  const [error, setError] = useState<string>()
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget as HTMLFormElement)
    const [topic, text] = [String(data.get('topic')), String(data.get('payload'))]
    const message = { topic, payload: text, encoding: data.get('encoding'), qos: Number(data.get('qos')) }
    call('POST', 'publish', { ...message, retain: data.has('retain') }).then(
      () => {
        setResult(`Published to ${topic}`)
        setError(undefined)
        published()
      },
      reason => setError(reason.message),
    )
  }
  const { topic = '', payload: content = '', encoding = 'utf8', truncated = false } = draft ?? {}
  return (
    <section aria-labelledby="publish">
      <h2 id="publish">Publish</h2>
      <form class="stack" onSubmit={submit}>
        <label>
          Topic
          <input name="topic" required defaultValue={topic} autocomplete="off" />
        </label>
        <label>
          Payload
          <textarea name="payload" rows={5} defaultValue={truncated ? '' : content} />
        </label>
        <div class="line">
          <label>
            QoS
            <select name="qos" defaultValue={String(draft?.qos ?? 0)}>
              <option>0</option>
              <option>1</option>
              <option>2</option>
            </select>
          </label>
          <label>
            Payload is
            <select name="encoding" defaultValue={encoding}>
              <option value="utf8">text</option>
              <option value="base64">base64</option>
            </select>
          </label>
          <label class="check">
            <input type="checkbox" name="retain" defaultChecked={draft?.retain ?? false} /> retain
          </label>
          <button type="submit" class="main">
            Publish
          </button>
        </div>
      </form>
      <p role="status">{result}</p>
      <Failure text={error} />
    </section>
  )
}
