/**
 * The options of the cluster: how they are written, and what they mean for `anax/nats`. Reads no file, and connects to
 * nothing.
 */
import { AnaxError } from '../../index.js'
import { type NatsClusterOptions, natsCluster } from '../../nats/index.js'
import { usageError } from '../command-error.js'
import type { Values } from './options.js'

export interface ClusterSettings {
  readonly options: Omit<NatsClusterOptions, 'servers' | 'connection'> & { readonly servers: string[] }
  /** Files that the connection to the servers needs. */
  readonly files: Partial<Record<'credentials' | 'ca' | 'cert' | 'key', string>>
}

const NODE_NAME = /^[\w-]{1,64}$/

type NumberName = 'cluster-shards' | 'cluster-log-seconds' | 'cluster-max-shard-bytes'

/**
 * @param integer reads a whole number, undefined where there is none
 * @throws CommandError
 */
export function clusterSettings(
  values: Values,
  integer: (name: NumberName, min: number, max: number) => number | undefined,
): ClusterSettings | undefined {
  if (values.cluster === undefined) {
    const alone = Object.keys(values).find(name => name.startsWith('cluster-'))
    if (alone !== undefined) throw usageError(`--${alone} needs --cluster`)
    return undefined
  }
  if (values.id !== undefined && !NODE_NAME.test(values.id)) {
    throw usageError(`--id of a node takes 1 to 64 of A-Z a-z 0-9 _ -, not '${values.id}'`)
  }
  const files = {
    credentials: values['cluster-credentials'],
    ca: values['cluster-ca'],
    cert: values['cluster-cert'],
    key: values['cluster-key'],
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw usageError('--cluster-cert and --cluster-key need each other')
  }
  const options = {
    servers: values.cluster.split(','),
    ...defined({
      prefix: values['cluster-prefix'],
      domain: values['cluster-domain'],
      replicas: oneOf(values, 'cluster-replicas', [1, 3, 5]),
      sync: oneOf(values, 'cluster-sync', ['interval', 'always']),
      shards: integer('cluster-shards', 1, 64),
      logSeconds: integer('cluster-log-seconds', 1, 0xffff_ffff),
      maxShardBytes: integer('cluster-max-shard-bytes', 1, Number.MAX_SAFE_INTEGER),
    }),
  }
  check(options)
  return { options, files: defined(files) }
}

function oneOf<const Value>(
  values: Values,
  name: 'cluster-replicas' | 'cluster-sync',
  all: readonly Value[],
): Value | undefined {
  const text = values[name]
  const value = all.find(one => String(one) === text)
  if (text !== undefined && value === undefined) {
    throw usageError(`--${name} takes ${all.slice(0, -1).join(', ')} or ${all.at(-1)}, not '${text}'`)
  }
  return value
}

function defined<Given extends object>(all: Given) {
  const given = Object.entries(all).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as { [Name in keyof Given]?: Exclude<Given[Name], undefined> }
}

/** What texts may be is for `anax/nats` to say. @throws CommandError */
function check(options: NatsClusterOptions): void {
  try {
    natsCluster(options)
  } catch (error) {
    if (!(error instanceof AnaxError)) throw error
    const [, name = '', rest = error.message] = /natsCluster: (\w+) (.*)/.exec(error.message) ?? []
    throw usageError(`--cluster${name === 'servers' || name === '' ? '' : `-${name}`} ${rest}`)
  }
}
