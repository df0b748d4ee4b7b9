/** The sub-commands with their own options, by name. Only the table; each sub-command owns its options. */
import { publishCommand } from '../messages/publish.js'
import { subscribeCommand } from '../messages/subscribe.js'
import type { SubCommand } from '../options/sub-command.js'
import { clientsCommand } from '../remote/clients.js'
import { kickCommand } from '../remote/kick.js'
import { statusCommand } from '../remote/status.js'

const COMMANDS: Readonly<Record<string, (args: readonly string[]) => SubCommand>> = {
  pub: publishCommand,
  sub: subscribeCommand,
  status: statusCommand,
  clients: clientsCommand,
  kick: kickCommand,
}

/** The sub-command of a command line; undefined if it is none of these. @throws CommandError */
export function subCommand([name, ...args]: readonly string[]): SubCommand | undefined {
  return name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name]!(args) : undefined
}
