/** Lines with a point for each measurement over a logarithmic axis, as SVG. Must not know what they show. */
import { escaped, label, linear, MARGIN, page, type Scale } from './svg.js'

/** One curve. */
export interface Line {
  name: string
  colour: string
  stroke: 'solid' | 'dashed'
  points: readonly { x: number; y: number }[]
}

/** A whole chart; all its values are above 0. */
export interface LineChart {
  title: string
  remark: string
  xLabel: string
  /** `bytes`: in powers of two. */
  xUnit: 'count' | 'bytes'
  yLabel: string
  yScale: 'linear' | 'logarithmic'
  lines: readonly Line[]
}

const HEIGHT = 410
const area = { left: 56, right: 616, top: 88, bottom: 356 } as const
/** The minimum distance of the names at the ends of lines. */
const NAME_DISTANCE = 16

const prefixes: Record<LineChart['xUnit'], readonly (readonly [from: number, letter: string])[]> = {
  count: [
    [1e6, 'M'],
    [1e3, 'K'],
  ],
  bytes: [
    [2 ** 20, 'M'],
    [2 ** 10, 'K'],
  ],
}

function short(value: number, unit: LineChart['xUnit']): string {
  const [size, letter] = prefixes[unit].find(([from]) => value >= from) ?? [1, '']
  return `${value / size}${letter}`
}

function logarithmic(lowest: number, highest: number, from: number, to: number): Pick<Scale, 'at'> {
  const low = Math.log10(lowest)
  const high = Math.max(Math.log10(highest), low + 0.1)
  return { at: value => from + ((Math.log10(value) - low) / (high - low)) * (to - from) }
}

/** A tick at every measured value. */
function measured(values: number[], from: number, to: number): Scale {
  const ticks = [...new Set(values)].sort((a, b) => a - b)
  return { ticks, ...logarithmic(ticks[0]!, ticks.at(-1)!, from, to) }
}

/** 1, 2, 5, 10, 20, ...: from the last that is not above `lowest` to the first that is not below `highest`. */
function steps(lowest: number, highest: number): number[] {
  const all = []
  for (let power = Math.floor(Math.log10(lowest)); power <= Math.ceil(Math.log10(highest)); power++) {
    for (const factor of [1, 2, 5]) all.push(Number(`${factor}e${power}`))
  }
  return all.slice(
    all.findLastIndex(step => step <= lowest),
    all.findIndex(step => step >= highest) + 1,
  )
}

function logarithmicSteps(values: number[], from: number, to: number): Scale {
  const ticks = steps(Math.min(...values), Math.max(...values))
  return { ticks, ...logarithmic(ticks[0]!, ticks.at(-1)!, from, to) }
}

function grid(chart: LineChart, x: Scale, y: Scale): string[] {
  const { left, right, top, bottom } = area
  const across = y.ticks.flatMap(tick => [
    `<path d="M${left} ${y.at(tick).toFixed(1)}H${right}" class="grid"/>`,
    label(left - 8, y.at(tick) + 4, 'end', short(tick, 'count')),
  ])
  const down = x.ticks.flatMap(tick => [
    `<path d="M${x.at(tick).toFixed(1)} ${bottom}v5" class="axis"/>`,
    label(x.at(tick), bottom + 19, 'middle', short(tick, chart.xUnit)),
  ])
  return [
    ...across,
    ...down,
    `<path d="M${left} ${bottom}H${right}" class="axis"/>`,
    label((left + right) / 2, bottom + 40, 'middle', chart.xLabel),
    label(MARGIN, top - 16, 'start', chart.yLabel),
  ]
}

function curve({ colour, stroke, points }: Line, x: Scale, y: Scale): string[] {
  const places = points.map(point => ({ ...point, cx: x.at(point.x).toFixed(1), cy: y.at(point.y).toFixed(1) }))
  const dashes = stroke === 'dashed' ? ' stroke-dasharray="5 4"' : ''
  const path = places.map(({ cx, cy }) => `${cx} ${cy}`).join('L')
  return [
    `<path d="M${path}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
    ...places.map(
      ({ cx, cy, ...point }) =>
        `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"><title>${point.x}: ${point.y.toFixed(2)}</title></circle>`,
    ),
  ]
}

/** The names of lines at their ends, moved apart if they are too close. */
function names(lines: readonly Line[], x: Scale, y: Scale): string[] {
  const ends = lines
    .map(({ name, colour, points }) => ({ name, colour, x: x.at(points.at(-1)!.x), y: y.at(points.at(-1)!.y) }))
    .toSorted((a, b) => a.y - b.y)
  let least = Number.NEGATIVE_INFINITY
  return ends.map(end => {
    const place = Math.max(end.y, least)
    least = place + NAME_DISTANCE
    return `<text x="${(end.x + 10).toFixed(1)}" y="${(place + 4).toFixed(1)}" fill="${end.colour}" font-size="13" font-weight="600">${escaped(end.name)}</text>`
  })
}

/** The whole file; lines without points are omitted. */
export function lineChart(chart: LineChart): string {
  const lines = chart.lines.filter(({ points }) => points.length > 0)
  const all = lines.flatMap(({ points }) => points)
  const ys = all.map(point => point.y)
  const x = measured(
    all.map(point => point.x),
    area.left + 12,
    area.right - 12,
  )
  const y =
    chart.yScale === 'linear'
      ? linear(Math.max(...ys), area.bottom, area.top)
      : logarithmicSteps(ys, area.bottom, area.top)
  return page({ ...chart, height: HEIGHT }, [
    ...grid(chart, x, y),
    ...lines.flatMap(line => curve(line, x, y)),
    ...names(lines, x, y),
  ])
}
