/**
 * Shared by all charts: the page with its title, text, numbers on axes, and colours that are readable on light and dark
 * screens. Must not know a kind of chart.
 */

/** Of every page. */
export const WIDTH = 720
/** The left margin of text. */
export const MARGIN = 16

/** The ticks of a scale, and the position of a value. */
export interface Scale {
  ticks: number[]
  at(value: number): number
}

/** Colours that do not belong to the data follow the reader's light or dark mode. */
const STYLE = `<style>
.page{fill:#fff}.ink{fill:#1f2328}.faint{fill:#59636e}.grid{stroke:#e4e7eb}.axis{stroke:#59636e}
@media (prefers-color-scheme:dark){.page{fill:#0d1117}.ink{fill:#e6edf3}.faint{fill:#9198a1}.grid{stroke:#2a3038}.axis{stroke:#9198a1}}
</style>`

type Anchor = 'start' | 'middle' | 'end'

/** Escapes text for XML. */
export function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

/** Small text: axes, remarks, legends. */
export function label(x: number, y: number, anchor: Anchor, content: string): string {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}"`
  return `<text ${place} class="faint" font-size="12">${escaped(content)}</text>`
}

/** A scale from 0 at `from` to at least `most`, in steps of 1, 2 or 5. */
export function linear(most: number, from: number, to: number): Scale {
  const rough = most / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].find(factor => factor * power >= rough)! * power
  const count = Math.ceil(most / step)
  const ticks = Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(6)))
  return { ticks, at: value => from + (value / (count * step)) * (to - from) }
}

/** Title and remarks of a chart. */
export interface Page {
  title: string
  /** A remark that is needed to read it. */
  remark: string
  height: number
}

/** The whole file. */
export function page({ title, remark, height }: Page, content: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" font-family="system-ui, sans-serif">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    `<rect width="${WIDTH}" height="${height}" class="page"/>`,
    `<text x="${MARGIN}" y="24" class="ink" font-size="16" font-weight="600">${escaped(title)}</text>`,
    label(MARGIN, 43, 'start', remark),
    ...content,
    '</svg>',
    '',
  ].join('\n')
}
