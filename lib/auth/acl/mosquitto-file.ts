/**
 * Parses Mosquitto's ACL file in the same way as Mosquitto. Owns the syntax; mosquitto-rules.ts evaluates the rules.
 */
import { optionError } from '../options.js'
import type { Decision } from '../parts.js'
import { isFilter } from '../util/topics.js'
import { RuleTree } from './rule-tree.js'

/** The permissions of one line. `deny` has neither. */
export interface MosquittoRule {
  readonly read: boolean
  readonly write: boolean
  /** The verdict of this rule. */
  readonly decision: Decision
}

/** A compiled file. */
export interface MosquittoRules {
  /** User name -> the rules of its sections; the key undefined has those of anonymous clients. */
  readonly users: ReadonlyMap<string | undefined, RuleTree<MosquittoRule>>
  /** Rules for everybody, with the placeholders `%c` and `%u`. */
  readonly patterns: RuleTree<MosquittoRule>
}

const ACCESS = new Map([
  ['read', { read: true, write: false }],
  ['write', { read: false, write: true }],
  ['readwrite', { read: true, write: true }],
  ['deny', { read: false, write: false }],
])

/** Maximum length of an unknown word in an error: in another kind of file, it may be a secret. */
const MAX_SHOWN = 20

const READ_WRITE = { read: true, write: true }

/** The characters that C's `isspace` accepts. */
const BLANKS_AT_ENDS = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g

/**
 * Compiles the content of a file.
 * @throws AnaxError ANAX_ERR_OPTION with the number of the first invalid line
 */
export function parseAclFile(content: string, name: string): MosquittoRules {
  const users = new Map<string | undefined, RuleTree<MosquittoRule>>()
  const patterns = new RuleTree<MosquittoRule>('mosquitto')
  let user: string | undefined
  for (const [index, line] of content.split('\n').entries()) {
    const where = `${name} line ${index + 1}`
    const statement = readLine(line, where)
    if (statement === undefined) continue
    if (statement.keyword === 'user') {
      user = statement.rest
      continue
    }
    const { filter, ...access } = readRule(statement.rest, where)
    const verdict = access.read || access.write ? 'allow' : 'deny'
    const text = `${where}: ${line.replaceAll(BLANKS_AT_ENDS, '')}`
    const rule = {
      ...access,
      decision: { verdict, rule: text, lasting: true, ...(verdict === 'deny' && { code: 'rule-denies' }) },
    } satisfies MosquittoRule as MosquittoRule
    if (statement.keyword === 'pattern') patterns.add(filter, rule)
    else treeOf(users, user).add(filter, rule)
  }
  return { users, patterns }
}

/** Keyword and rest of a line; undefined for an empty line or a comment. */
function readLine(line: string, where: string): { keyword: 'user' | 'topic' | 'pattern'; rest: string } | undefined {
  if (line.startsWith('#')) return undefined
  const text = line.replace(/[ \t\n\v\f\r]+$/, '').replace(/^ +/, '')
  if (text === '') return undefined
  const space = text.indexOf(' ')
  const keyword = space < 0 ? text : text.slice(0, space)
  const rest = space < 0 ? '' : text.slice(space).replace(/^ +/, '')
  if (keyword !== 'user' && keyword !== 'topic' && keyword !== 'pattern') {
    throw optionError(`${where}: expected user, topic or pattern, not ${JSON.stringify(keyword.slice(0, MAX_SHOWN))}`)
  }
  if (rest === '') throw optionError(`${where}: nothing follows ${keyword}`)
  return { keyword, rest: keyword === 'user' ? rest.replaceAll(BLANKS_AT_ENDS, '') : rest }
}

/** A single word is the topic, even `read`. Of two or more words, the first one is the access. */
function readRule(rest: string, where: string): { filter: string; read: boolean; write: boolean } {
  const space = rest.indexOf(' ')
  const filter = (space < 0 ? rest : rest.slice(space)).replaceAll(BLANKS_AT_ENDS, '')
  const access = space < 0 ? READ_WRITE : ACCESS.get(rest.slice(0, space))
  if (access === undefined) {
    const word = JSON.stringify(rest.slice(0, space))
    throw optionError(`${where}: ${word} is no access: read, write, readwrite or deny`)
  }
  if (!isFilter(filter)) throw optionError(`${where}: ${JSON.stringify(filter)} is no topic filter`)
  return { filter, ...access }
}

function treeOf(
  users: Map<string | undefined, RuleTree<MosquittoRule>>,
  user: string | undefined,
): RuleTree<MosquittoRule> {
  let tree = users.get(user)
  if (tree === undefined) {
    tree = new RuleTree()
    users.set(user, tree)
  }
  return tree
}
