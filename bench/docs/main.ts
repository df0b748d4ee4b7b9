/**
 * Renders the tables of the documentation from existing results, after their texts or titles have changed. Run with
 * `node dist/bench/docs/main.js [results.json]`.
 */
import { readFileSync } from 'node:fs'
import { RESULTS, writeDocs } from './write.js'

for (const file of writeDocs(JSON.parse(readFileSync(process.argv[2] ?? RESULTS, 'utf8'))))
  console.log(`written: ${file}`)
