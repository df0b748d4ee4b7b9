/**
 * Which test proves which clause of the standards, from the table of clauses and the titles of the tests. Renders
 * docs/behaviour/conformance.md; knows no broker.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './root.js'
import { stringLiteralsOf } from './string-literals.js'

const TABLE = 'test/spec/clauses.tsv'
const PAGE = 'docs/behaviour/conformance.md'

/** The text above it on the page is written by hand. */
const MARKER = '<!-- Below this line the page is written by scripts/conformance.mjs. -->'

/** How a title names a clause: `[5.0 MQTT-3.3.4-6]`. */
const TAG = /\[((?:3\.1\.1|5\.0) MQTT-[^\]]*)\]/g

/** One numbered statement of MQTT 3.1.1 or 5.0, in our words. */
export interface Clause {
  version: string
  id: string
  section: string
  requirement: string
  /** Why no test can prove it; undefined if a test must. */
  untestable: string | undefined
}

/** A test that names a clause in its title. */
export interface Proof {
  clause: string
  file: string
  title: string
}

/** A clause as tests name it, without the brackets. */
export function nameOf({ version, id }: Pick<Clause, 'version' | 'id'>): string {
  return `${version} ${id}`
}

/** Reads the table of clauses. */
export function readClauses(): Clause[] {
  const [, ...rows] = read(TABLE).trimEnd().split('\n')
  return rows.map(row => {
    const [version = '', id = '', , section = '', requirement = '', untestable = ''] = row.split('\t')
    return { version, id, section, requirement, untestable: untestable === '' ? undefined : untestable }
  })
}

/** All tests that name a clause, in the order of their files. */
export function readProofs(): Proof[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .sort()
    .flatMap(file => proofsIn(`test/${file.replaceAll('\\', '/')}`, read(`test/${file}`)))
}

/** The clauses in the string literals of a source text. */
export function proofsIn(file: string, source: string): Proof[] {
  return stringLiteralsOf(withTagsInTitles(source)).flatMap(literal => {
    const title = literal.replaceAll(TAG, '').trim()
    return [...literal.matchAll(TAG)].map(([, clause = '']) => ({ clause, file, title }))
  })
}

/** The source with constants that contain only tags replaced by their values. */
function withTagsInTitles(source: string): string {
  let text = source
  for (const [declaration, name, tags = ''] of source.matchAll(/^const (\w+) = '((?:\[[^\]]* MQTT-[^\]]*\] ?)+)'$/gm)) {
    text = text.replace(declaration, '').replaceAll(`\${${name}}`, tags)
  }
  return text
}

/** The page: the text written by hand, and the tables. */
export function renderPage(clauses: readonly Clause[], proofs: readonly Proof[]): string {
  const [byHand = ''] = currentPage().split(MARKER)
  return `${byHand}${MARKER}\n\n${renderTables(clauses, proofs)}`
}

export function currentPage(): string {
  return read(PAGE)
}

/** Writes the page. */
export function updatePage(): void {
  writeFileSync(join(ROOT, PAGE), renderPage(readClauses(), readProofs()))
}

function renderTables(clauses: readonly Clause[], proofs: readonly Proof[]): string {
  const proofsOf = groupBy(proofs, ({ clause }) => clause)
  const parts: string[] = []
  for (const version of ['5.0', '3.1.1']) {
    const ofVersion = clauses.filter(clause => clause.version === version)
    const untestable = ofVersion.filter(clause => clause.untestable !== undefined).length
    parts.push(`## MQTT ${version}\n`)
    parts.push(`${ofVersion.length} clauses: ${ofVersion.length - untestable} tested, ${untestable} not testable.\n`)
    for (const [section, rows] of groupBy(ofVersion, clause => clause.section)) {
      parts.push(`### ${section} (${version})\n`, '| Clause | What it says | Tests |', '| --- | --- | --- |')
      for (const clause of rows) {
        const proof = clause.untestable ?? renderProofs(proofsOf.get(nameOf(clause)) ?? [])
        parts.push(`| ${clause.id.replace('MQTT-', '')} | ${inCell(clause.requirement)} | ${proof} |`)
      }
      parts.push('')
    }
  }
  return parts.join('\n')
}

function renderProofs(proofs: readonly Proof[]): string {
  return [...groupBy(proofs, ({ file }) => file)]
    .map(([file, tests]) => {
      // a tag that a table of tests has beside the title has no title of its own
      const titles = new Set(tests.map(({ title }) => inCell(title)).filter(title => title !== ''))
      const link = `[${file.replace(/^test\//, '')}](../../${file})`
      return titles.size === 0 ? link : `${link}: ${[...titles].join('; ')}`
    })
    .join('<br>')
}

/** Escapes text for the cells of a table. */
function inCell(text: string): string {
  return text.replaceAll('<', '&lt;').replaceAll(/[|*_`\\]/g, '\\$&')
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
