/** The log as it is written, the latest line first. */
import { useState } from 'preact/hooks'
import type { LogLine } from '../api.js'
import { moment } from '../format.js'
import { Failure, Table } from '../parts.js'
import { useStream } from '../streams.js'

const MOST = 500

const LEVELS = ['error', 'warn', 'info', 'debug'] as const

export function Log() {
  const [lines, setLines] = useState<readonly LogLine[]>([])
  const { refusal } = useStream('log', {
    lines: (all: LogLine[]) => setLines(all.reverse()),
    line: (line: LogLine) => setLines(last => [line, ...last].slice(0, MOST)),
  })
  const [level, setLevel] = useState<LogLine['level']>('debug')
  const [text, setText] = useState('')
  const shown = lines.filter(
    line => LEVELS.indexOf(line.level) <= LEVELS.indexOf(level) && wordsOf(line).includes(text),
  )
  const rows = shown.map(line => [
    moment(line.at),
    line.level,
    line.message,
    <code key="fields">{fieldsOf(line)}</code>,
  ])
  return (
    <>
      <form class="line" onSubmit={event => event.preventDefault()}>
        <label>
          Up to level
          <select value={level} onChange={event => setLevel(event.currentTarget.value as LogLine['level'])}>
            {LEVELS.map(name => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          With the text
          <input value={text} onInput={event => setText(event.currentTarget.value)} autocomplete="off" />
        </label>
      </form>
      <Failure text={refusal?.message} />
      <Table
        caption="Lines of the log, latest first"
        heads={['At', 'Level', 'What', 'Fields']}
        rows={rows}
        empty="No line."
      />
    </>
  )
}

function wordsOf(line: LogLine): string {
  return `${line.message} ${fieldsOf(line)}`
}

function fieldsOf({ fields }: LogLine): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ')
}
