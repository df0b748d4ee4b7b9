/** What the broker does at the moment, and how that came about. */
import { useMemo } from 'preact/hooks'
import type { Sample } from '../api.js'
import { Chart } from '../chart.js'
import { bytes, duration, number } from '../format.js'
import { Figure, Table } from '../parts.js'
import type { LiveValues } from '../streams.js'

type Numbers = Exclude<keyof ReturnType<typeof shown>, 'at'>

const CHARTS: readonly [title: string, name: Numbers, format: (value: number) => string][] = [
  ['Messages in per second', 'receivedPerSecond', number],
  ['Messages out per second', 'sentPerSecond', number],
  ['Dropped per second', 'dropsPerSecond', number],
  ['Connected clients', 'connected', number],
  ['Sessions', 'sessions', number],
  ['Queued messages', 'queued', number],
  ['Retained messages', 'retained', number],
  ['Event loop delay, ms', 'loopDelayMs', number],
  ['Memory, MiB', 'memoryMiB', number],
]

/** A sample with what the charts show: an axis in bytes has odd steps. */
function shown(sample: Sample) {
  return { ...sample, memoryMiB: sample.memoryBytes / 1024 ** 2 }
}

export function Overview({ live: { samples, stats }, theme }: { live: LiveValues; theme: string }) {
  const times = useMemo(() => samples.map(({ at }) => at / 1000), [samples])
  return (
    <>
      {stats && (
        <dl class="figures">
          <Figure
            label="Connected"
            value={number(stats.clients.connected)}
            note={`${number(stats.clients.maximum)} at most`}
          />
          <Figure label="Sessions" value={number(stats.sessions.total)} note={`${number(stats.sessions.away)} away`} />
          <Figure
            label="Subscriptions"
            value={number(stats.subscriptions.total ?? stats.subscriptions.connected)}
            note={`${number(stats.subscriptions.connected)} connected`}
          />
          <Figure
            label="Queued"
            value={number(stats.queued.messages)}
            note={stats.queued.bytes === undefined ? '' : bytes(stats.queued.bytes)}
          />
          <Figure
            label="Retained"
            value={number(stats.retained.messages)}
            note={stats.retained.bytes === undefined ? '' : bytes(stats.retained.bytes)}
          />
          <Figure label="Bytes in" value={bytes(stats.received.bytes)} />
          <Figure label="Bytes out" value={bytes(stats.sent.bytes)} />
          <Figure label="Running for" value={duration(stats.uptimeMs)} />
        </dl>
      )}
      <div class="charts">
        {CHARTS.map(([title, name, format]) => (
          <Chart
            key={name}
            title={title}
            times={times}
            values={samples.map(sample => shown(sample)[name])}
            format={format}
            theme={theme}
          />
        ))}
      </div>
      <h2>Since the broker was started</h2>
      <div class="counts">
        <Reasons title="Messages dropped" counts={stats?.drops} none="No message was dropped." />
        <Reasons title="Messages refused" counts={stats?.publishRefused} none="No message was refused." />
        <Reasons title="Connections refused" counts={stats?.connections.refused} none="No connection was refused." />
        <Reasons title="Clients that left" counts={stats?.clients.disconnected} none="No client has left." />
      </div>
    </>
  )
}

/** How often something happened, by reason; what happened most comes first. */
function Reasons({
  title,
  counts = {},
  none,
}: {
  title: string
  counts?: Record<string, number> | undefined
  none: string
}) {
  const rows = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one)
  return (
    <section class="reasons">
      <h3>{title}</h3>
      <Table
        caption={title}
        heads={['Reason', 'Number']}
        rows={rows.map(([reason, count]) => [<code key="reason">{reason}</code>, number(count)])}
        empty={none}
      />
    </section>
  )
}
