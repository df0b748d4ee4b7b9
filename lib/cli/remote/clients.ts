/** `anax clients`: lists clients and sessions of a running broker, page by page. Owns the table. */
import type { SessionInfo } from '../../../types/broker/inspection.js'
import { usageError } from '../command-error.js'
import { numberOf, parseOptions, type SubCommand } from '../options/sub-command.js'
import { escapeControls } from '../terminal.js'
import { ADMIN_OPTIONS, ADMIN_USAGE, AdminClient } from './admin-client.js'

export const CLIENTS_OPTIONS = {
  user: { type: 'string' },
  address: { type: 'string' },
  all: { type: 'boolean' },
  away: { type: 'boolean' },
  top: { type: 'string' },
  limit: { type: 'string' },
  quiet: { type: 'boolean', short: 'q' },
  ...ADMIN_OPTIONS,
} as const

export const CLIENTS_USAGE = `Usage: anax clients [options] [PREFIX]

Lists the connected clients of a broker that runs, in the order of their identifiers;
with PREFIX, those whose identifiers begin with it.

Which
  --user NAME             only of this user
  --address ADDRESS       only from this address
  --all                   also sessions whose clients are away
  --away                  only those
  --top ORDER             those with most of something first: received or sent
                          (messages per second), waiting or drops (messages)
  --limit N               N at most                                   [no limit; --top: 10]
  -q, --quiet             identifiers only, for xargs: anax clients -q x- | xargs -d '\\n' anax kick

${ADMIN_USAGE}`

const PAGE = 1000

/** @throws CommandError */
export function clientsCommand(args: readonly string[]): SubCommand {
  const { values, positionals } = parseOptions('clients', args, CLIENTS_OPTIONS)
  if (values.help) return { name: 'sub-command', run: async () => void process.stdout.write(CLIENTS_USAGE) }
  const [prefix, ...rest] = positionals
  if (rest.length > 0) throw usageError('clients takes at most one PREFIX', 'clients')
  const { user: username, address, all = false, away = false, limit, quiet, json } = values
  if (all && away) throw usageError('--all and --away exclude each other', 'clients')
  if (quiet && json) throw usageError('--quiet and --json exclude each other', 'clients')
  const most = limit === undefined ? Number.POSITIVE_INFINITY : numberOf('clients', 'limit', limit, 1, 1e9)
  const query = { prefix, username, address, connected: all ? undefined : String(!away) }
  const print = quiet ? printName : json ? printJson : new Table(values.top !== undefined).print
  const run = () => {
    const client = new AdminClient('clients', values)
    return values.top === undefined ? list(client, query, most, print) : listTop(client, values.top, limit, print)
  }
  if (values.top !== undefined) checkTop(values.top, [prefix, username, address, all || undefined, away || undefined])
  return { name: 'sub-command', run }
}

const ORDERS = ['received', 'sent', 'waiting', 'drops']

/** @throws CommandError */
function checkTop(order: string, others: readonly unknown[]): void {
  if (!ORDERS.includes(order)) throw usageError(`--top takes one of ${ORDERS.join(', ')}`, 'clients')
  if (others.some(value => value !== undefined)) throw usageError('--top looks at all connected clients', 'clients')
}

/** A session with the fields that the administration adds for a connected client. */
type Listed = SessionInfo & { receivedPerSecond?: number; sentPerSecond?: number }

async function listTop(client: AdminClient, by: string, limit = '10', print: (session: Listed) => void): Promise<void> {
  const { items } = await client.get<{ items: Listed[] }>('top', { by, limit })
  for (const session of items) print(session)
}

async function list(
  client: AdminClient,
  query: Readonly<Record<string, string | undefined>>,
  most: number,
  print: (session: SessionInfo) => void,
): Promise<void> {
  let left = most
  let after: string | undefined
  let isRead = true
  process.stdout.once('error', () => {
    isRead = false
  })
  do {
    const limit = String(Math.min(left, PAGE))
    const { items, next } = await client.get<{ items: SessionInfo[]; next?: string }>('sessions', {
      ...query,
      after,
      limit,
    })
    for (const session of items) print(session)
    left -= items.length
    after = next
  } while (after !== undefined && left > 0 && isRead)
}

function printName({ clientId }: SessionInfo): void {
  process.stdout.write(`${clientId}\n`)
}

function printJson(session: SessionInfo): void {
  process.stdout.write(`${JSON.stringify(session)}\n`)
}

const VERSIONS = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const

const HEADS = ['CLIENT', 'USER', 'ADDRESS', 'MQTT', 'STATE', 'SUBSCRIPTIONS', 'QUEUED', 'DROPS']

const RATE_HEADS = ['IN/S', 'OUT/S']

/** Columns keep their widths from page to page: at least the width of the heading, and wider for longer values. */
class Table {
  readonly #widths = [24, 12, 15, 5, 9, 13, 6, 5, 4, 5]
  readonly #hasRates: boolean
  #hasHead = false

  constructor(hasRates: boolean) {
    this.#hasRates = hasRates
  }

  readonly print = (session: Listed): void => {
    if (!this.#hasHead) this.#row([...HEADS, ...(this.#hasRates ? RATE_HEADS : [])])
    this.#hasHead = true
    const {
      clientId,
      username = '-',
      address = '-',
      protocolVersion,
      connected,
      subscriptions,
      queued,
      drops,
    } = session
    const version = protocolVersion === undefined ? '-' : VERSIONS[protocolVersion]
    const state = connected ? 'connected' : 'away'
    const name = clientId === '' ? "''" : clientId
    const { receivedPerSecond = '-', sentPerSecond = '-' } = session
    const rates = this.#hasRates ? [receivedPerSecond, sentPerSecond] : []
    const numbers = [subscriptions, queued.messages, drops, ...rates].map(String)
    this.#row([name, username, address, version, state, ...numbers])
  }

  #row(cells: readonly string[]): void {
    const padded = cells.map((cell, column) => {
      const text = escapeControls(cell).replaceAll(/[\n\t]/g, ' ')
      this.#widths[column] = Math.max(this.#widths[column]!, Math.min(text.length, 40))
      return text.padEnd(this.#widths[column]!)
    })
    process.stdout.write(`${padded.join('  ').trimEnd()}\n`)
  }
}
