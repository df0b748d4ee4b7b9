/** Pieces that several pages use: tables, figures, notes, a question before something is lost. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Pages } from './answers.js'

export function Figure({ label, value, note }: { label: string; value: string; note?: string }) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        {value}
        {note && <span class="note">{note}</span>}
      </dd>
    </div>
  )
}

export interface TableProps {
  caption: string
  heads: readonly string[]
  rows: readonly (readonly ComponentChildren[])[]
  empty: string
}

/** The first cell of a row is its name. On a narrow screen each row is a block with the heads as labels. */
export function Table({ caption, heads, rows, empty }: TableProps) {
  if (rows.length === 0) return empty === '' ? null : <p class="empty">{empty}</p>
  return (
    <table>
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          {heads.map(head => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, ...cells], row) => (
          <tr key={row}>
            <th scope="row">{name}</th>
            {cells.map((cell, column) => (
              <td key={heads[column + 1]} data-head={heads[column + 1]}>
                {cell}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

export function State({ connected }: { connected: boolean }) {
  return <span class={`state ${connected ? 'on' : 'off'}`}>{connected ? 'connected' : 'away'}</span>
}

export function Failure({ text }: { text: string | undefined }) {
  return text === undefined ? null : (
    <p class="failure" role="alert">
      {text}
    </p>
  )
}

/** Turns the pages of a list. */
export function Pager({ pages, place }: { pages: Pages<unknown>; place?: string | undefined }) {
  const { isFirst, isSearching, next } = pages
  return (
    <>
      <p class="note" role="status">
        {isSearching && `Searching${place === undefined ? '' : `, behind ${place}`} …`}
      </p>
      <div class="actions">
        <button type="button" disabled={isFirst} onClick={pages.turnBack}>
          Previous
        </button>
        <button type="button" disabled={isSearching || next === undefined} onClick={pages.turn}>
          Next
        </button>
        <button type="button" onClick={pages.again}>
          Refresh
        </button>
      </div>
    </>
  )
}

/** A form of one line: what to search for, by the names of the fields. */
export function SearchForm<Name extends string>({ fields, find }: SearchFormProps<Name>) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const data = new FormData(event.currentTarget as HTMLFormElement)
    find(Object.fromEntries(fields.map(([name]) => [name, String(data.get(name) ?? '')])) as Record<Name, string>)
  }
  return (
    <search>
      <form class="line" onSubmit={submit}>
        {fields.map(([name, label]) => (
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

interface SearchFormProps<Name extends string> {
  fields: readonly (readonly [name: Name, label: string])[]
  find: (values: Record<Name, string>) => void
}

/** A button that asks before it does something that cannot be taken back. */
export function Danger({ label, question, run }: { label: string; question: string; run: () => Promise<unknown> }) {
  const [isOpen, setOpen] = useState(false)
  const [error, setError] = useState<string>()
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    if (isOpen) dialog.current?.showModal()
  }, [isOpen])
  const close = () => {
    setOpen(false)
    setError(undefined)
  }
  const confirm = () => run().then(close, reason => setError(reason.message))
  return (
    <>
      <button type="button" class="danger" onClick={() => setOpen(true)}>
        {label}
      </button>
      {isOpen && (
        <dialog ref={dialog} onClose={close} aria-label={question}>
          <p>{question}</p>
          <Failure text={error} />
          <div class="actions">
            <button type="button" onClick={close}>
              Cancel
            </button>
            <button type="button" class="danger" onClick={confirm}>
              {label}
            </button>
          </div>
        </dialog>
      )}
    </>
  )
}
