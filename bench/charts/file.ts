/** Writes charts to files. Must not know their content. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Relative to the working directory of the benchmark. */
const FOLDER = join('docs', 'performance')

/** Writes one chart; returns its path. */
export function writeChart(name: string, content: string): string {
  mkdirSync(FOLDER, { recursive: true })
  const path = join(FOLDER, `${name}.svg`)
  writeFileSync(path, content)
  return path
}
