/** `anax kick`: disconnects clients of a running broker. Owns its options and its output. */
import { CommandError, usageError } from '../command-error.js'
import { parseOptions, type SubCommand } from '../options/sub-command.js'
import { ADMIN_OPTIONS, ADMIN_USAGE, AdminClient } from './admin-client.js'

const { json: _, ...common } = ADMIN_OPTIONS

export const KICK_OPTIONS = {
  reason: { type: 'string' },
  'discard-will': { type: 'boolean' },
  ...common,
} as const

export const KICK_USAGE = `Usage: anax kick [options] CLIENT...

Disconnects clients of a broker that runs, by their identifiers. A session that has an
expiry stays. Exit code 1 where one of them was not connected.

How
  --reason TEXT           what an MQTT 5.0 client is told
  --discard-will          do not publish their wills

${ADMIN_USAGE.replace(/^ {2}--json.*\n/m, '')}`

/** @throws CommandError */
export function kickCommand(args: readonly string[]): SubCommand {
  const { values, positionals } = parseOptions('kick', args, KICK_OPTIONS)
  if (values.help) return { name: 'sub-command', run: async () => void process.stdout.write(KICK_USAGE) }
  if (positionals.length === 0) throw usageError('kick takes the identifiers of clients', 'kick')
  const { reason, 'discard-will': discardsWill = false } = values
  const body = {
    ...(reason !== undefined && { reasonString: reason }),
    ...(discardsWill && { will: 'discard' }),
  }
  return { name: 'sub-command', run: () => kick(new AdminClient('kick', values), positionals, body) }
}

async function kick(client: AdminClient, clientIds: readonly string[], body: object): Promise<void> {
  const missing: string[] = []
  for (const clientId of clientIds) {
    const done = await client.post(`sessions/${encodeURIComponent(clientId)}/disconnect`, body)
    if (done === undefined) missing.push(clientId)
  }
  if (missing.length > 0) throw new CommandError(`not connected: ${missing.map(quoted).join(', ')}`)
}

function quoted(clientId: string): string {
  return JSON.stringify(clientId)
}
