/** Options of a cluster on NATS: defaults and checks. Must not know a connection. */
import type { NodeConnectionOptions } from '@nats-io/transport-node'
import { AnaxError } from '../index.js'
import { serversOf } from './servers.js'

/** Configuration of a cluster on NATS. An unknown name or an invalid value is refused with ANAX_ERR_OPTION. */
export interface NatsClusterOptions {
  /**
   * Servers as `host:port`, or as URLs: `nats://user:password@host:port`, `nats://token@host:port`, `tls://host:port`.
   * @default `127.0.0.1:4222`
   */
  servers?: string | string[]
  /** Further connection options: `user`, `pass`, `token`, `authenticator`, `tls`, … of `@nats-io/transport-node`. */
  connection?: Omit<NodeConnectionOptions, 'servers'>
  /**
   * Prefix of all streams and subjects, of `A-Z a-z 0-9 _ -`. Two clusters on one NATS need different prefixes.
   * @default `anax`
   */
  prefix?: string
  /** Number of servers that store each message: 1, 3 or 5. @default 3 */
  replicas?: 1 | 3 | 5
  /** Number of streams that share the load. Cannot be changed after the streams were created. @default 4 */
  shards?: number
  /** Declares that the servers run with `sync_interval: always`; the broker cannot detect it. @default `interval` */
  sync?: 'interval' | 'always'
  /** Seconds that the log keeps a message for sessions that have not read it. @default 604800, a week */
  logSeconds?: number
  /** Maximum bytes of each stream; further writes are refused. -1 for no limit. @default -1 */
  maxShardBytes?: number
  /** JetStream domain of the streams, if it is not that of the servers: for connections through a leaf node. */
  domain?: string
}

/** Options with their defaults. */
export type ResolvedNatsOptions = Required<Omit<NatsClusterOptions, 'domain'>> & Pick<NatsClusterOptions, 'domain'>

const DEFAULTS = {
  servers: '127.0.0.1:4222',
  connection: {},
  prefix: 'anax',
  replicas: 3,
  shards: 4,
  sync: 'interval',
  logSeconds: 604_800,
  maxShardBytes: -1,
} as const satisfies NatsClusterOptions

const CHECKS: Record<keyof NatsClusterOptions, [check: (value: unknown) => boolean, expected: string]> = {
  servers: [isServers, 'host:port, a URL of NATS, or a list of these'],
  connection: [value => typeof value === 'object' && value !== null, 'an object'],
  prefix: [value => typeof value === 'string' && /^[\w-]{1,32}$/.test(value), '1 to 32 of A-Z a-z 0-9 _ -'],
  replicas: [value => value === 1 || value === 3 || value === 5, '1, 3 or 5'],
  shards: [value => isWhole(value, 1, 64), 'a whole number from 1 to 64'],
  sync: [value => value === 'interval' || value === 'always', "'interval' or 'always'"],
  logSeconds: [value => isWhole(value, 1, 0xffff_ffff), 'a whole number of seconds'],
  maxShardBytes: [value => value === -1 || isWhole(value, 1, Number.MAX_SAFE_INTEGER), 'a number of bytes, or -1'],
  domain: [value => value === undefined || (typeof value === 'string' && /^[\w-]+$/.test(value)), 'a name'],
}

/** @throws AnaxError ANAX_ERR_OPTION */
export function resolveOptions(options: NatsClusterOptions): ResolvedNatsOptions {
  const resolved: ResolvedNatsOptions = { ...DEFAULTS, ...withoutUndefined(options) }
  for (const [name, value] of Object.entries(resolved)) {
    const check = CHECKS[name as keyof NatsClusterOptions]
    if (check === undefined) throw new AnaxError('ANAX_ERR_OPTION', { detail: `natsCluster has no option ${name}` })
    const [isGood, expected] = check
    if (!isGood(value)) {
      throw new AnaxError('ANAX_ERR_OPTION', {
        detail: `natsCluster: ${name} has to be ${expected}, got ${withoutSecrets(String(value))}`,
      })
    }
  }
  const { servers, connection } = serversOf(resolved.servers)!
  return { ...resolved, servers, connection: { ...connection, ...resolved.connection } }
}

function withoutSecrets(text: string): string {
  return text.replaceAll(/\/\/[^,]*@/g, '//…@')
}

function withoutUndefined(options: NatsClusterOptions): NatsClusterOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function isServers(value: unknown): boolean {
  if (typeof value !== 'string' && !(Array.isArray(value) && value.length > 0 && value.every(isText))) return false
  return serversOf(value as string | string[]) !== undefined
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
}
