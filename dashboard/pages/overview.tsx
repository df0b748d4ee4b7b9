/** What the broker does at the moment, and how that came about. */
import { useMemo } from 'preact/hooks'
import type { LiveValues, Sample } from '../api.js'
import { Chart } from '../chart.js'
import { bytes, duration, number } from '../format.js'
import { Figure, Table } from '../parts.js'

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
  const drops = Object.entries(stats?.drops ?? {}).filter(([, count]) => count > 0)
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
          <Figure label="Subscriptions" value={number(stats.subscriptions.connected)} />
          <Figure
            label="Queued"
            value={number(stats.queued.messages)}
            note={stats.queued.bytes === undefined ? '' : bytes(stats.queued.bytes)}
          />
          <Figure label="Retained" value={number(stats.retained.messages)} note={bytes(stats.retained.bytes)} />
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
      <h2>Dropped since the broker was started, by reason</h2>
      <Table
        caption="Drops by reason"
        heads={['Reason', 'Messages']}
        rows={drops.map(([reason, count]) => [reason, number(count)])}
        empty="No message was dropped."
      />
    </>
  )
}
