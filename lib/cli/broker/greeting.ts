/**
 * What the command says when it runs: where it can be reached, what it keeps, whom it lets in, how to try it.
 * Only words.
 */
import type { ListenerAddress } from '../../server/server.js'
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
  /** What the store is, in words. */
  store: string
  /** The address of the dashboard, with its token; undefined where it is off. */
  admin: string | undefined
  /** The address of the metrics; undefined where they are off. */
  metrics: string | undefined
}

export function greeting(settings: Settings, { addresses, store, admin, metrics }: Running): string {
  const rows = [
    ...addresses.map(({ transport, url }) => [LABELS[transport], url]),
    ...(admin === undefined ? [] : [['Dashboard', admin]]),
    ...(metrics === undefined ? [] : [['Metrics', metrics]]),
    ['Store', store],
    ['Access', demandsIdentity(settings) ? 'for users who show who they are' : 'for everybody who can reach it'],
  ]
  const lines = [`Anax ${VERSION} is running`, ...rows.map(([label = '', text]) => `  ${label.padEnd(29)}${text}`)]
  return `${[...lines, ...trial(settings, addresses)].join('\n')}\n`
}

/** Two commands to see it work, where there is a plain port for them. */
function trial(settings: Settings, addresses: readonly ListenerAddress[]): string[] {
  const port = addresses.find(({ transport }) => transport === 'tcp')?.port
  if (port === undefined) return []
  const host = ['0.0.0.0', '::'].includes(settings.host) ? '127.0.0.1' : settings.host
  const access = demandsIdentity(settings) ? ' -u NAME -P PASSWORD' : ''
  const target = `-h ${host} -p ${port}${access}`
  return ['Try it', `  npx anax sub ${target} -t 'test/#' -v`, `  npx anax pub ${target} -t test/hello -m world`]
}
