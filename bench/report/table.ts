/** Text in columns. Must not know the content. */

/** A number as people read it; empty for none. */
export function number(value: number | undefined, digits: number): string {
  if (value === undefined) return ''
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/**
 * Aligns the first column to the left, all others to the right. Lines of one or two cells affect the width of the first
 * column only.
 */
export function aligned(lines: readonly string[][]): string[] {
  const widths: number[] = []
  const full = lines.filter(line => line.length > 2)
  for (const line of full) {
    for (const [i, text] of line.entries()) widths[i] = Math.max(widths[i] ?? 0, text.length)
  }
  widths[0] = Math.max(widths[0] ?? 0, ...lines.map(line => line[0]!.length))
  return lines.map(line =>
    line.map((text, i) => (i === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[i] ?? 0))).join('  '),
  )
}
