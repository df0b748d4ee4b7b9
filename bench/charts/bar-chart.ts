/** Stacked horizontal bars in groups, with a legend, as SVG. Must not know what they show. */
import { escaped, label, linear, MARGIN, page, type Scale, WIDTH } from './svg.js'

/** A part that every bar may have. */
export interface BarPart {
  name: string
  colour: string
}

/** One bar: a value for each of the chart's parts, in their order. */
export interface Bar {
  name: string
  values: readonly number[]
}

/** Bars to compare. */
export interface BarGroup {
  title: string
  bars: readonly Bar[]
}

/** A whole chart. */
export interface BarChart {
  title: string
  remark: string
  parts: readonly BarPart[]
  groups: readonly BarGroup[]
}

/** A part with its index in the bars' values. */
interface Entry extends BarPart {
  index: number
}

const LEGEND_TOP = 66
const LEGEND_ROW = 20
const LEGEND_COLUMNS = 3
const GROUP_TITLE = 22
const BAR = 24
const BAR_STEP = 28
/** Space below a group: the numbers at its ticks, and a gap before the next group. */
const AXIS = 28
const left = 88
/** Space for the sum beside a bar. */
const right = WIDTH - 56
/** The minimum width of a part that shows its value. */
const LABELLED_WIDTH = 28

function digits(value: number): string {
  return value.toFixed(2)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function legend(entries: readonly Entry[]): string[] {
  const width = (WIDTH - 2 * MARGIN) / LEGEND_COLUMNS
  return entries.flatMap(({ name, colour }, i) => {
    const x = MARGIN + (i % LEGEND_COLUMNS) * width
    const y = LEGEND_TOP + Math.floor(i / LEGEND_COLUMNS) * LEGEND_ROW
    return [
      `<rect x="${x.toFixed(1)}" y="${y - 10}" width="12" height="12" rx="2" fill="${colour}"/>`,
      label(x + 18, y, 'start', name),
    ]
  })
}

/** One part of a bar, with a narrow gap before the next. */
function stretch({ name, colour }: BarPart, value: number, start: number, end: number, y: number): string {
  const width = Math.max(end - start - 1, 0.5)
  const title = `<title>${escaped(name)}: ${digits(value)}</title>`
  const box = `<rect x="${start.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colour}">${title}</rect>`
  if (width < LABELLED_WIDTH) return box
  const middle = (start + width / 2).toFixed(1)
  return `${box}<text x="${middle}" y="${y + 16}" text-anchor="middle" fill="#fff" font-size="11" pointer-events="none">${digits(value)}</text>`
}

function bar({ name, values }: Bar, entries: readonly Entry[], x: Scale, y: number): string[] {
  let before = 0
  const stretches = entries.flatMap(entry => {
    const value = values[entry.index]!
    const start = before
    before += value
    return value === 0 ? [] : [stretch(entry, value, x.at(start), x.at(before), y)]
  })
  return [
    label(left - 10, y + 16, 'end', name),
    ...stretches,
    `<text x="${(x.at(before) + 6).toFixed(1)}" y="${y + 16}" class="ink" font-size="12" font-weight="600">${digits(before)}</text>`,
  ]
}

/** The ticks are behind the bars. */
function ticks({ ticks, at }: Scale, top: number, bottom: number): string[] {
  return [
    ...ticks.flatMap(tick => [
      `<path d="M${at(tick).toFixed(1)} ${top}V${bottom}" class="grid"/>`,
      label(at(tick), bottom + 14, 'middle', String(tick)),
    ]),
    `<path d="M${left} ${bottom}H${right}" class="axis"/>`,
  ]
}

/** Each group has its own scale, so that its parts are visible even if its bars are much shorter than others. */
function group({ title, bars }: BarGroup, entries: readonly Entry[], top: number): string[] {
  const x = linear(Math.max(...bars.map(({ values }) => sum(values))), left, right)
  const first = top + GROUP_TITLE
  return [
    `<text x="${MARGIN}" y="${first - 9}" class="ink" font-size="13">${escaped(title)}</text>`,
    ...ticks(x, first - 2, first + bars.length * BAR_STEP),
    ...bars.flatMap((one, i) => bar(one, entries, x, first + i * BAR_STEP)),
  ]
}

/** The whole file; parts without values are omitted. */
export function barChart({ parts, groups, ...heading }: BarChart): string {
  const used = (index: number) => groups.some(({ bars }) => bars.some(({ values }) => values[index]! > 0))
  const entries = parts.map((part, index) => ({ ...part, index })).filter(({ index }) => used(index))
  const content = legend(entries)
  let y = LEGEND_TOP + Math.ceil(entries.length / LEGEND_COLUMNS) * LEGEND_ROW
  for (const one of groups) {
    content.push(...group(one, entries, y))
    y += GROUP_TITLE + one.bars.length * BAR_STEP + AXIS
  }
  return page({ ...heading, height: y }, content)
}
