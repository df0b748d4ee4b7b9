/** `anax status`: prints the numbers of a running broker. Owns the text; the numbers come from its administration. */
import type { BrokerStats } from '../../../types/broker/inspection.js'
import { usageError } from '../command-error.js'
import { parseOptions, type SubCommand } from '../options/sub-command.js'
import { ADMIN_OPTIONS, ADMIN_USAGE, AdminClient } from './admin-client.js'

export const STATUS_OPTIONS = ADMIN_OPTIONS

export const STATUS_USAGE = `Usage: anax status [options]

Prints the numbers of a broker that runs.

${ADMIN_USAGE}`

/** @throws CommandError */
export function statusCommand(args: readonly string[]): SubCommand {
  const { values, positionals } = parseOptions('status', args, STATUS_OPTIONS)
  if (values.help) return { name: 'sub-command', run: async () => void process.stdout.write(STATUS_USAGE) }
  if (positionals.length > 0) throw usageError(`there is nothing to do with '${positionals[0]}'`, 'status')
  return { name: 'sub-command', run: () => printStatus(new AdminClient('status', values), values.json ?? false) }
}

/** The numbers in JSON, without undefined ones. */
export type Numbers = Partial<Pick<BrokerStats, 'startedAt'>> & BrokerStats

async function printStatus(client: AdminClient, asJson: boolean): Promise<void> {
  const stats = await client.get<Numbers>('stats')
  process.stdout.write(asJson ? `${JSON.stringify(stats)}\n` : statusText(stats))
}

/** A line for each group of numbers. */
export function statusText(stats: Numbers): string {
  const { clients, connections, sessions, subscriptions, retained, queued, inflight, waiting, received, sent } = stats
  const rows = [
    ['Running for', duration(stats.uptimeMs)],
    ['Clients', `${clients.connected} connected, ${clients.maximum} at most; ${connections.open} connections`],
    ['Sessions', `${sessions.total}, of clients that are away ${known(sessions.away)}`],
    ['Subscriptions', known(subscriptions.total ?? subscriptions.connected)],
    ['Retained', `${known(retained.messages)} messages, ${bytes(retained.bytes)}`],
    ['Queued', `${known(queued.messages)} messages, ${bytes(queued.bytes)}`],
    ['In flight', `${inflight} messages; ${waiting.messages} wait in memory, ${bytes(waiting.bytes)}`],
    ['Received', `${total(received.messages)} messages, ${bytes(received.bytes)}`],
    ['Sent', `${total(sent.messages)} messages, ${bytes(sent.bytes)}`],
    ['Refused', `connections: ${reasons(connections.refused)}; messages: ${reasons(stats.publishRefused)}`],
    ['Dropped', reasons(stats.drops)],
    ['Failures', `hooks ${stats.failures.hooks}, store and bus ${stats.failures.store}`],
    ...(stats.cluster === undefined ? [] : [['Cluster', clusterText(stats.cluster)]]),
  ]
  return rows.map(([label = '', text]) => `${label.padEnd(15)}${text}\n`).join('')
}

function clusterText({ engine, leasesLost }: NonNullable<BrokerStats['cluster']>): string {
  if (engine === undefined) return `not a member at the moment; leases lost ${leasesLost}`
  const nodes = engine.nodes.map(({ node, isSelf }) => (isSelf ? `${node} (this one)` : node))
  const lag = total(engine.shards.map(shard => shard.lag))
  return `${nodes.join(', ')}; ${engine.claims} client identifiers here, ${lag} messages to read, leases lost ${leasesLost}`
}

function known(value: number | undefined): string {
  return value === undefined ? 'unknown' : String(value)
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0)
}

/** The counts by reason, without zeros. */
function reasons(counts: Readonly<Partial<Record<string, number>>>): string {
  const happened = Object.entries(counts).filter(([, count]) => count !== undefined && count > 0)
  return happened.length === 0 ? 'none' : happened.map(([reason, count]) => `${count} ${reason}`).join(', ')
}

function bytes(value: number | undefined): string {
  if (value === undefined) return 'unknown'
  const power = value < 1024 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), 4)
  const shown = power === 0 ? String(value) : (value / 1024 ** power).toFixed(1)
  return `${shown} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ] as const
  const first = parts.findIndex(([amount]) => amount > 0)
  return parts
    .slice(first === -1 ? -1 : first)
    .slice(0, 2)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(' ')
}
