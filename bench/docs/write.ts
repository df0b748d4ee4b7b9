/** Writes the results of a run into the documentation, and stores them beside it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { condensed, type Results } from '../report/results.js'
import { blocksOf } from './blocks.js'
import { withBlocks } from './markdown.js'

/** Relative to the working directory of the benchmark. */
export const RESULTS = 'docs/performance/results.json'
export const DOCUMENTS: readonly string[] = ['docs/performance.md', 'README.md']

/** @returns the files that it has written */
export function writeDocs(results: Results): string[] {
  const kept = condensed(results)
  const blocks = blocksOf(kept)
  writeFileSync(RESULTS, `${JSON.stringify(kept, undefined, 1)}\n`)
  for (const file of DOCUMENTS) writeFileSync(file, withBlocks(readFileSync(file, 'utf8'), blocks))
  return [RESULTS, ...DOCUMENTS]
}
