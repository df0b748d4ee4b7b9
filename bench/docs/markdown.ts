/** Tables in Markdown, and their places in a document. Must not know their content. */

/** A table in the layout of this repository's formatter. */
export function markdownTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(3, ...[title, ...lines.map(line => line[column]!)].map(length)))
  const row = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell + ' '.repeat(widths[column]! - length(cell))).join(' | ')} |`
  return [row(head), row(widths.map(width => '-'.repeat(width))), ...lines.map(row)].join('\n')
}

function length(text: string): number {
  return [...text].length
}

const beginOf = (name: string) => `<!-- measured: ${name} -->`
const END = '<!-- /measured -->'
const BLOCK = /<!-- measured: (?<name>[\w-]+) -->\n.*?<!-- \/measured -->/gs

/**
 * The document with new content in each block between `<!-- measured: name -->` and `<!-- /measured -->`.
 * @throws Error if the document has a block that is not in `blocks`
 */
export function withBlocks(document: string, blocks: Readonly<Record<string, string>>): string {
  return document.replace(BLOCK, (_, name: string) => {
    const content = blocks[name]
    if (content === undefined) throw new Error(`${name} is none of ${Object.keys(blocks).join(', ')}`)
    return `${beginOf(name)}\n\n${content}\n\n${END}`
  })
}
