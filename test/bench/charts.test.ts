/** The charts of the benchmark: their content and layout, readable on any screen. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type BarChart, barChart } from '../../bench/charts/bar-chart.js'
import { type LineChart, lineChart } from '../../bench/charts/line-chart.js'

const bars: BarChart = {
  title: 'Where it goes',
  remark: 'per thing',
  parts: [
    { name: 'work', colour: '#111111' },
    { name: 'play <a & b>', colour: '#222222' },
    { name: 'nothing', colour: '#333333' },
  ],
  groups: [
    { title: 'many', bars: [{ name: 'ours', values: [30, 10, 0] }] },
    {
      title: 'few',
      bars: [
        { name: 'ours', values: [1, 1, 0] },
        { name: 'theirs', values: [0, 4, 0] },
      ],
    },
  ],
}

const lines: LineChart = {
  title: 'Growth',
  remark: 'of things',
  xLabel: 'bytes',
  xUnit: 'bytes',
  yLabel: 'µs',
  yScale: 'logarithmic',
  lines: [
    {
      name: 'ours',
      colour: '#111111',
      stroke: 'solid',
      points: [
        { x: 16, y: 3 },
        { x: 1024, y: 4 },
        { x: 262_144, y: 60 },
      ],
    },
    { name: 'theirs', colour: '#222222', stroke: 'dashed', points: [{ x: 16, y: 3.1 }] },
    { name: 'absent', colour: '#333333', stroke: 'solid', points: [] },
  ],
}

/** Start and width of all stretches of a colour that are parts of bars. */
function stretches(svg: string, colour: string): [start: number, width: number][] {
  const rects = svg.matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)" height="24" fill="(#\d+)">/g)
  return [...rects].filter(rect => rect[3] === colour).map(rect => [Number(rect[1]), Number(rect[2])])
}

/** The text of all labels that are placed like this. */
function labels(svg: string, anchor: string): string[] {
  const texts = svg.matchAll(new RegExp(`<text [^>]*text-anchor="${anchor}" class="faint"[^>]*>([^<]*)<`, 'g'))
  return [...texts].map(text => text[1]!)
}

describe('a chart of bars', () => {
  const svg = barChart(bars)

  it('stacks the values of a bar end to end, in proportion to their size', () => {
    const [[start, width]] = stretches(svg, '#111111') as [[number, number]]
    const [[next, nextWidth]] = stretches(svg, '#222222') as [[number, number]]
    assert.ok(Math.abs(next - (start + width + 1)) < 0.11)
    assert.ok(Math.abs((width + 1) / (nextWidth + 1) - 3) < 0.01)
  })

  it('gives each group its own scale', () => {
    assert.deepEqual(labels(svg, 'middle').map(Number), [0, 10, 20, 30, 40, 0, 1, 2, 3, 4])
  })

  it('shows the sum of each bar', () => {
    const sums = [...svg.matchAll(/class="ink" font-size="12" font-weight="600">([\d.]+)</g)].map(text => text[1])
    assert.deepEqual(sums, ['40.00', '2.00', '4.00'])
  })

  it('has a legend of the parts that occur', () => {
    assert.ok(svg.includes('>work</text>'))
    assert.ok(svg.includes('>play &lt;a &amp; b&gt;</text>'))
    assert.ok(!svg.includes('nothing'))
  })
})

describe('a chart of lines', () => {
  const svg = lineChart(lines)

  it('has a tick at each value that was measured', () => {
    assert.deepEqual(labels(svg, 'middle'), ['16', '1K', '256K', 'bytes'])
  })

  it('has grid lines at 1, 2, 5, 10, from just below to just above the measured values', () => {
    assert.deepEqual(labels(svg, 'end'), ['2', '5', '10', '20', '50', '100'])
  })

  it('names the lines that have points, apart from each other', () => {
    const names = [...svg.matchAll(/y="([\d.]+)" fill="#\d+" font-size="13" font-weight="600">(\w+)</g)]
    assert.deepEqual(names.map(name => name[2]).toSorted(), ['ours', 'theirs'])
    assert.ok(Math.abs(Number(names[0]![1]) - Number(names[1]![1])) >= 16)
  })

  it('begins a linear scale at 0', () => {
    const linear = lineChart({ ...lines, yScale: 'linear' })
    assert.deepEqual(labels(linear, 'end'), ['0', '20', '40', '60'])
  })
})

describe('every chart', () => {
  for (const [kind, svg] of [
    ['of bars', barChart(bars)],
    ['of lines', lineChart(lines)],
  ] as const) {
    it(`${kind} follows the light or dark mode of the reader, in background and lines`, () => {
      const dark = svg.slice(svg.indexOf('prefers-color-scheme:dark'))
      for (const style of ['.page', '.ink', '.faint', '.grid', '.axis']) assert.ok(dark.includes(`${style}{`))
      assert.match(svg, /<rect width="720" height="\d+" class="page"\/>/)
    })
  }
})
