/** `anax clients`: lists clients and sessions of a broker that runs, page by page. Owns the table. */
import type { SessionInfo } from '../../../types/inspection.js'
import { usageError } from '../command-error.js'
import { numberOf, parseOptions, type SubCommand } from '../options/sub-command.js'
import { escapeControls } from '../terminal.js'
import { ADMIN_OPTIONS, ADMIN_USAGE, AdminClient } from './admin-client.js'

export const CLIENTS_OPTIONS = {
  user: { type: 'string' },
  address: { type: 'string' },
  all: { type: 'boolean' },
  away: { type: 'boolean' },
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
  --limit N               N at most                                   [no limit]
  -q, --quiet             identifiers only, for xargs: anax clients -q x- | xargs -d '\\n' anax kick

${ADMIN_USAGE}`

const PAGE = 1000

/** @throws CommandError */
export function clientsCommand(args: readonly string[]): SubCommand {
  const { values, positionals } = parseOptions('clients', args, CLIENTS_OPTIONS)
  if (values.help) return { name: 'sub-command', run: async () => void process.stdout.write(CLIENTS_USAGE) }
  const [prefix, ...rest] = positionals
  if (rest.length > 0) throw usageError('clients takes one PREFIX at most', 'clients')
  const { user: username, address, all = false, away = false, limit, quiet, json } = values
  if (all && away) throw usageError('--all and --away exclude each other', 'clients')
  if (quiet && json) throw usageError('--quiet and --json exclude each other', 'clients')
  const most = limit === undefined ? Number.POSITIVE_INFINITY : numberOf('clients', 'limit', limit, 1, 1e9)
  const query = { prefix, username, address, connected: all ? undefined : String(!away) }
  const print = quiet ? printName : json ? printJson : new Table().print
  return { name: 'sub-command', run: () => list(new AdminClient('clients', values), query, most, print) }
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

/** Columns keep their widths from one page to the next: those of the heads, and wider for longer values. */
class Table {
  readonly #widths = [24, 12, 15, 5, 9, 13, 6, 5]
  #hasHead = false

  readonly print = (session: SessionInfo): void => {
    if (!this.#hasHead) this.#row(HEADS)
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
    this.#row([name, username, address, version, state, String(subscriptions), String(queued.messages), String(drops)])
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
