/** The log as it is written, the latest line first. */
import { useEffect, useState } from 'preact/hooks'
import { LOG_URL, type LogLine } from '../api.js'
import { moment } from '../format.js'
import { Failure, Table } from '../parts.js'

const MOST = 500

const LEVELS = ['error', 'warn', 'info', 'debug'] as const

export function Log() {
  const { lines, isBroken } = useLog()
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
      <Failure text={isBroken ? 'There is no log: createAdmin was given none.' : undefined} />
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

function useLog(): { lines: LogLine[]; isBroken: boolean } {
  const [lines, setLines] = useState<LogLine[]>([])
  const [isBroken, setBroken] = useState(false)
  useEffect(() => {
    const source = new EventSource(LOG_URL)
    source.addEventListener('lines', event => setLines(JSON.parse(event.data).reverse()))
    source.addEventListener('line', event => setLines(last => [JSON.parse(event.data), ...last].slice(0, MOST)))
    source.addEventListener('error', () => setBroken(source.readyState === source.CLOSED))
    source.addEventListener('open', () => setBroken(false))
    return () => source.close()
  }, [])
  return { lines, isBroken }
}
