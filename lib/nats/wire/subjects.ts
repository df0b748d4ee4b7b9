/**
 * Names in NATS: the subjects of topics, filters, clients and nodes. Owns the escaping of characters that subjects
 * cannot contain; must not know a connection.
 *
 * A level becomes a token. The last token of a topic is always `%e`, so that `a/#`, which also matches `a`, is one
 * subject (`a.>`). A `%` in a level is escaped as `%25`, so other tokens that begin with `%` are never levels.
 */
import { createHash } from 'node:crypto'

/** Characters that a token must not contain, in addition to control characters. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const FORBIDDEN = /[\u0000-\u001f\u007f\s.*>%]/g
const ESCAPED = /%([0-9a-f]{2}|u[0-9a-f]{4})/g
const END = '%e'
const EMPTY = '%0'
/** The level for topics that are too long for a subject, followed by a digest. Every filter includes these subjects. */
const LONG = '%x'
/** Maximum bytes of a subject: a server reads lines of 4,096, which also contain the reply subject and two numbers. */
const MAX_SUBJECT_BYTES = 3000
const MAX_CLIENT_BYTES = 200
const PARTITIONS = 256

/** The subjects of one stream. */
export class ShardSubjects {
  /** All subjects of the stream. */
  readonly all: string
  readonly #base: string

  constructor(prefix: string, shard: number) {
    this.#base = `${prefix}.${shard}`
    this.all = `${this.#base}.>`
  }

  fence(node: string): string {
    return `${this.#base}.fence.${node}`
  }

  mark(node: string): string {
    return `${this.#base}.mark.${node}`
  }

  claim(clientId: string): string {
    return `${this.#base}.claim.${partitionOf(clientId)}.${clientToken(clientId)}`
  }

  claims(partition: number | undefined): string {
    return `${this.#base}.claim.${partition ?? '*'}.*`
  }

  deadline(clientId: string): string {
    return `${this.#base}.due.${partitionOf(clientId)}.${clientToken(clientId)}`
  }

  deadlines(partition: number): string {
    return `${this.#base}.due.${partition}.*`
  }

  get allDeadlines(): string {
    return `${this.#base}.due.>`
  }

  record(clientId: string, name: string): string {
    return this.recordOf(clientToken(clientId), name)
  }

  /** The same, for the token of a client. */
  recordOf(token: string, name: string): string {
    return `${this.#base}.rec.${token}.${name}`
  }

  /** The records of all clients. */
  get allRecords(): string {
    return this.recordOf('*', '*')
  }

  /** The claim of a client by its token, in any partition. */
  claimOf(token: string): string {
    return `${this.#base}.claim.*.${token}`
  }

  log(topic: string): string {
    return `${this.#base}.log.${tokensOf(topic)}`
  }

  retained(topic: string): string {
    return `${this.#base}.ret.${tokensOf(topic)}`
  }

  /** The subjects of messages that match a filter. @param tokens from {@link filterTokens} */
  logOf(tokens: string): string {
    return `${this.#base}.log.${tokens}`
  }

  retainedOf(tokens: string): string {
    return `${this.#base}.ret.${tokens}`
  }
}

/** The subject of a QoS 0 message. */
export function signalSubject(prefix: string, topic: string): string {
  return `${prefix}.q0.${tokensOf(topic)}`
}

/** The subject of the QoS 0 messages that a filter matches. */
export function signalFilter(prefix: string, tokens: string): string {
  return `${prefix}.q0.${tokens}`
}

/** The subjects of messages whose topics are too long. */
export const LONG_TOPICS = `${LONG}.*`

/** The topic of a subject after `log.` or `ret.`; undefined if it was too long, so that the message itself has it. */
export function topicOf(tokens: string): string | undefined {
  if (tokens.startsWith(LONG)) return undefined
  const levels = tokens.slice(0, -END.length - 1)
  return tokens.includes('%') ? levels.split('.').map(unescapeLevel).join('/') : levels.replaceAll('.', '/')
}

/** The subject of a filter (not a shared one), without its base. */
export function filterTokens(filter: string): string {
  const levels = filter.split('/')
  const isOpen = levels.at(-1) === '#'
  if (isOpen) levels.pop()
  const tokens = levels.map(level => (level === '+' ? '*' : escapeLevel(level)))
  tokens.push(isOpen ? '>' : END)
  const joined = tokens.join('.')
  // no topic that fits into a subject can match it
  return Buffer.byteLength(joined) > MAX_SUBJECT_BYTES ? LONG_TOPICS : joined
}

/** The partition of a client. */
export function partitionOf(clientId: string): number {
  return hash(clientId) % PARTITIONS
}

/** The shard of a client. */
export function shardOf(clientId: string, shards: number): number {
  // the partition uses the low bits
  return Math.floor(hash(clientId) / PARTITIONS) % shards
}

/** The partitions of one node: each partition belongs to the node with the highest hash for it. */
export function partitionsOf(node: string, nodes: readonly string[]): Set<number> {
  const mine = new Set<number>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    if (winnerOf(partition, nodes) === node) mine.add(partition)
  }
  return mine
}

function winnerOf(partition: number, nodes: readonly string[]): string | undefined {
  let winner: string | undefined
  let best = -1
  for (const node of nodes) {
    const score = hash(`${partition}/${node}`)
    if (score > best || (score === best && node > winner!)) {
      best = score
      winner = node
    }
  }
  return winner
}

function tokensOf(topic: string): string {
  const tokens = `${topic.split('/').map(escapeLevel).join('.')}.${END}`
  return Buffer.byteLength(tokens) > MAX_SUBJECT_BYTES ? `${LONG}.${digest(topic)}` : tokens
}

function clientToken(clientId: string): string {
  const token = escapeLevel(clientId)
  return Buffer.byteLength(token) > MAX_CLIENT_BYTES ? `${LONG}${digest(clientId)}` : token
}

/** The token of the client in the subject of a record or a claim, and the name of the record. */
export function ownerOfSubject(subject: string): { token: string; name: string | undefined } {
  const [, , kind, first = '', second = ''] = subject.split('.')
  return kind === 'rec' ? { token: first, name: second } : { token: second, name: undefined }
}

/** The client of a token; undefined if it was too long, so that a record has it. */
export function clientOf(token: string): string | undefined {
  return token.startsWith(LONG) ? undefined : unescapeLevel(token)
}

/** Whether the subjects of a client have a digest in the place of its identifier. */
export function isTooLong(clientId: string): boolean {
  return clientToken(clientId).startsWith(LONG)
}

function escapeLevel(level: string): string {
  return level === '' ? EMPTY : level.replace(FORBIDDEN, escapeCharacter)
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0).toString(16)
  return code.length > 2 ? `%u${code.padStart(4, '0')}` : `%${code.padStart(2, '0')}`
}

function unescapeLevel(token: string): string {
  if (token === EMPTY) return ''
  return token.replace(ESCAPED, (_, code: string) => String.fromCharCode(Number.parseInt(code.replace('u', ''), 16)))
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** FNV-1a with final mixing, so that names that differ only in their last character are spread. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x7feb352d)
  value = Math.imul(value ^ (value >>> 15), 0x846ca68b)
  return (value ^ (value >>> 16)) >>> 0
}
