/** Where charts are written. Knows nothing of what is in them. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** From the folder that the benchmark is started in. */
const FOLDER = join('docs', 'performance')

/** Writes one chart; returns its path. */
export function writeChart(name: string, content: string): string {
  mkdirSync(FOLDER, { recursive: true })
  const path = join(FOLDER, `${name}.svg`)
  writeFileSync(path, content)
  return path
}
