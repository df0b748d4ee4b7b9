/** The limits with how near each is, and the options that are plain values. */
import { useAnswer, useRefresh } from '../answers.js'
import type { Configuration as Answer } from '../api.js'
import { bytes, number } from '../format.js'
import { Failure, Table } from '../parts.js'

export function Configuration() {
  const { answer, error, again } = useAnswer<Answer>('configuration')
  useRefresh(again)
  if (answer === undefined) return <Failure text={error} />
  const limits = answer.limits.map(({ name, limit, used }) => [
    <code key="name">{name}</code>,
    amountOf(name)(used),
    limit === undefined ? 'none' : amountOf(name)(limit),
    limit === undefined || used === undefined ? (
      '–'
    ) : (
      <span key="meter">
        <meter aria-label={`${name} in use`} min={0} max={limit} high={limit * 0.9} value={used} />{' '}
        {number((used / limit) * 100)} %
      </span>
    ),
  ])
  return (
    <>
      <h2>Limits</h2>
      <Table caption="Limits" heads={['Limit', 'In use', 'At most', 'How near']} rows={limits} empty="None." />
      <h2>Options</h2>
      <Table
        caption="Options"
        heads={['Option', 'Value']}
        rows={[
          ['Anax', ANAX_VERSION],
          ['broker', answer.brokerId],
          ['Node.js', answer.node],
          ...Object.entries(answer.options).map(([name, value]) => [<code key="name">{name}</code>, String(value)]),
        ]}
        empty="None."
      />
    </>
  )
}

/** How a number is shown: some limits are in bytes. */
function amountOf(name: string): (value: number | undefined) => string {
  return /(?:Bytes|Size)$/.test(name) ? bytes : number
}
