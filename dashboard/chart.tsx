/** One live line: uPlot in the colours of the page, with a sentence for those who do not see it. */
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

export interface ChartProps {
  title: string
  /** Seconds since the epoch, and the values. */
  times: readonly number[]
  values: readonly (number | undefined)[]
  format: (value: number) => string
  /** A change of it draws anew, in other colours. */
  theme: string
}

const HEIGHT = 150

export function Chart({ title, times, values, format, theme }: ChartProps) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  const data = useRef<uPlot.AlignedData>([[], []])
  data.current = [times as number[], values as number[]]
  useEffect(() => {
    const element = place.current
    if (element === null) return undefined
    const made = new uPlot(optionsFor(element, format), data.current, element)
    plot.current = made
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      made.destroy()
    }
  }, [theme])
  useEffect(() => plot.current?.setData(data.current), [times, values])
  const last = values.at(-1)
  const shown = last === undefined ? '–' : format(last)
  return (
    <section class="chart">
      <h2>
        {title} <span class="now">{shown}</span>
      </h2>
      <div ref={place} role="img" aria-label={`${title}, at the moment ${shown}`} />
    </section>
  )
}

/** The time of day, of seconds since the epoch. */
function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB')
}

function optionsFor(element: HTMLElement, format: (value: number) => string): uPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string) => style.getPropertyValue(name).trim()
  const grid = { stroke: colour('--line'), width: 1 }
  const axis = { stroke: colour('--quiet'), grid, ticks: grid, font: '11px system-ui' }
  return {
    width: element.clientWidth || 300,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.15, 1)] } },
    axes: [
      { ...axis, space: 80, size: 28, values: (_plot, ticks) => ticks.map(clock) },
      { ...axis, size: 52, values: (_plot, ticks) => ticks.map(format) },
    ],
    series: [{}, { stroke: colour('--accent'), width: 2, fill: colour('--accent-soft'), points: { show: false } }],
  }
}
