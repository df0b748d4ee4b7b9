/** A small writer of line charts as SVG: lines with points over a logarithmic axis. Knows nothing of what they show. */

export interface Line {
  name: string
  colour: string
  stroke: 'solid' | 'dashed'
  points: readonly { x: number; y: number }[]
}

export interface Chart {
  title: string
  remark: string
  xLabel: string
  yLabel: string
  yScale: 'linear' | 'logarithmic'
  lines: readonly Line[]
}

/** A tick's value and where it is. */
type Scale = { ticks: number[]; at(value: number): number }

const WIDTH = 720
const HEIGHT = 400
const area = { left: 56, right: 616, top: 74, bottom: 346 } as const
/** Names at the ends of lines are at least so far apart. */
const NAME_DISTANCE = 16

const INK = '#1f2328'
const FAINT = '#59636e'
const GRID = '#e4e7eb'

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function text(x: number, y: number, anchor: 'start' | 'middle' | 'end', content: string, attributes = ''): string {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"`
  return `<text ${place} fill="${FAINT}" font-size="12" ${attributes}>${escaped(content)}</text>`
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`
  return value >= 1000 ? `${value / 1000}K` : String(value)
}

/** From `from` to `to` on the page, in powers of ten. */
function logarithmic(values: number[], from: number, to: number, margin: 'whole decades' | 'none'): Scale {
  const lowest = Math.log10(Math.min(...values))
  const highest = Math.log10(Math.max(...values))
  const low = margin === 'none' ? lowest : Math.floor(lowest)
  const high = margin === 'none' ? Math.max(highest, low + 0.1) : Math.max(Math.ceil(highest), low + 1)
  const ticks = []
  for (let power = Math.ceil(low - 1e-9); power <= high + 1e-9; power++) ticks.push(10 ** power)
  return { ticks, at: value => from + ((Math.log10(value) - low) / (high - low)) * (to - from) }
}

/** From 0, in steps of 1, 2 or 5. */
function linear(values: number[], from: number, to: number): Scale {
  const rough = Math.max(...values) / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].find(factor => factor * power >= rough)! * power
  const count = Math.ceil(Math.max(...values) / step)
  const ticks = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6)))
  return { ticks, at: value => from + (value / (count * step)) * (to - from) }
}

function grid(chart: Chart, x: Scale, y: Scale): string[] {
  const { left, right, top, bottom } = area
  const across = y.ticks.flatMap(tick => [
    `<path d="M${left} ${y.at(tick).toFixed(1)}H${right}" stroke="${GRID}"/>`,
    text(left - 8, y.at(tick) + 4, 'end', short(tick)),
  ])
  const down = x.ticks.flatMap(tick => [
    `<path d="M${x.at(tick).toFixed(1)} ${bottom}v5" stroke="${FAINT}"/>`,
    text(x.at(tick), bottom + 19, 'middle', short(tick)),
  ])
  return [
    ...across,
    ...down,
    `<path d="M${left} ${bottom}H${right}" stroke="${FAINT}"/>`,
    text((left + right) / 2, bottom + 40, 'middle', chart.xLabel),
    text(16, top - 14, 'start', chart.yLabel),
  ]
}

function curve({ colour, stroke, points }: Line, x: Scale, y: Scale): string[] {
  const places = points.map(point => `${x.at(point.x).toFixed(1)} ${y.at(point.y).toFixed(1)}`)
  const dashes = stroke === 'dashed' ? ' stroke-dasharray="5 4"' : ''
  return [
    `<path d="M${places.join('L')}" fill="none" stroke="${colour}" stroke-width="2"${dashes}/>`,
    ...points.map((point, i) => {
      const [cx, cy] = places[i]!.split(' ')
      return `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${colour}"><title>${point.x}: ${point.y.toFixed(2)}</title></circle>`
    }),
  ]
}

/** The names of lines at their ends, moved apart where they are too close. */
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

/** The whole file; lines without points are left out. */
export function lineChart(chart: Chart): string {
  const lines = chart.lines.filter(({ points }) => points.length > 0)
  const all = lines.flatMap(({ points }) => points)
  const xs = all.map(point => point.x)
  const ys = all.map(point => point.y)
  const x = logarithmic(xs, area.left + 12, area.right - 12, 'none')
  const y =
    chart.yScale === 'linear'
      ? linear(ys, area.bottom, area.top)
      : logarithmic(ys, area.bottom, area.top, 'whole decades')
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" font-family="system-ui, sans-serif">`,
    `<title>${escaped(chart.title)}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="16" y="24" fill="${INK}" font-size="16" font-weight="600">${escaped(chart.title)}</text>`,
    text(16, 42, 'start', chart.remark),
    ...grid(chart, x, y),
    ...lines.flatMap(line => curve(line, x, y)),
    ...names(lines, x, y),
    '</svg>',
    '',
  ].join('\n')
}
