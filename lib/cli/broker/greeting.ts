/**
 * The greeting of the command: addresses, store, access, and how to try it.
 * Text only.
 */
import type { ListenerAddress } from '../../server/server.js'
import { knowsUsers } from '../options/access-settings.js'
import { demandsIdentity, type Settings } from '../options/settings.js'
import { VERSION } from '../version.js'

const LABELS = {
  tcp: 'MQTT',
  tls: 'MQTT over TLS',
  ws: 'MQTT over WebSocket',
  wss: 'MQTT over WebSocket and TLS',
  unix: 'MQTT on a Unix socket',
} as const

export interface Running {
  addresses: readonly ListenerAddress[]
  /** Identifier of the broker. */
  node: string
  /** Description of the store. */
  store: string
  /** The address of the dashboard, with its token; undefined if it is off. */
  admin: string | undefined
  /** The address of the metrics; undefined if they are off. */
  metrics: string | undefined
  /** The address for load balancers; undefined where it is off. */
  health: string | undefined
}

export function greeting(settings: Settings, { addresses, node, store, admin, metrics, health }: Running): string {
  const rows = [
    ...addresses.map(({ transport, url }) => [LABELS[transport], url]),
    ...(admin === undefined ? [] : [['Dashboard', admin]]),
    ...(metrics === undefined ? [] : [['Metrics', metrics]]),
    ...(health === undefined ? [] : [['Health', health]]),
    ...(settings.cluster === undefined ? [] : [['Node', node]]),
    ['Store', store],
    ['Access', access(settings)],
  ]
  const lines = [`Anax ${VERSION} is running`, ...rows.map(([label = '', text]) => `  ${label.padEnd(29)}${text}`)]
  return `${[...lines, ...trial(settings, addresses)].join('\n')}\n`
}

function access(settings: Settings): string {
  if (demandsIdentity(settings)) return 'for users who show who they are'
  if (!knowsUsers(settings.access)) return 'for everybody who can reach it'
  return 'for users who show who they are, and for clients without a user name'
}

/** Two commands to try it, if there is a plain port. */
function trial(settings: Settings, addresses: readonly ListenerAddress[]): string[] {
  const port = addresses.find(({ transport }) => transport === 'tcp')?.port
  if (port === undefined) return []
  const host = ['0.0.0.0', '::'].includes(settings.host) ? '127.0.0.1' : settings.host
  const credentials = demandsIdentity(settings) ? ' -u NAME -P PASSWORD' : ''
  const target = `-h ${host} -p ${port}${credentials}`
  return ['Try it', `  npx anax sub ${target} -t 'test/#' -v`, `  npx anax pub ${target} -t test/hello -m world`]
}
