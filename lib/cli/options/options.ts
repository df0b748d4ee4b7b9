/**
 * The names of the command's options, for the command line and the configuration file alike.
 * Only the table; usage.ts explains them, settings.ts checks them.
 */
import type { ParseArgsConfig, parseArgs } from 'node:util'

export const OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  'ws-port': { type: 'string' },
  'tls-port': { type: 'string' },
  'wss-port': { type: 'string' },
  unix: { type: 'string' },
  'admin-port': { type: 'string' },
  'admin-token-file': { type: 'string' },
  metrics: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  ca: { type: 'string' },
  'password-file': { type: 'string' },
  'acl-file': { type: 'string' },
  'jwt-key': { type: 'string' },
  'jwt-jwks': { type: 'string' },
  'jwt-algorithms': { type: 'string' },
  'jwt-issuer': { type: 'string' },
  'jwt-audience': { type: 'string' },
  'jwt-from': { type: 'string' },
  'jwt-username-claim': { type: 'string' },
  'tls-identity': { type: 'string' },
  'tls-crl': { type: 'string' },
  user: { type: 'string', multiple: true },
  'allow-anonymous': { type: 'boolean' },
  memory: { type: 'boolean' },
  data: { type: 'string' },
  verify: { type: 'string' },
  cluster: { type: 'string' },
  'cluster-replicas': { type: 'string' },
  id: { type: 'string' },
  'max-connections': { type: 'string' },
  'max-packet-size': { type: 'string' },
  'max-connect-size': { type: 'string' },
  'max-user-properties': { type: 'string' },
  'max-subscriptions': { type: 'string' },
  'max-filters-per-packet': { type: 'string' },
  'max-topic-levels': { type: 'string' },
  'max-sessions': { type: 'string' },
  'max-session-expiry': { type: 'string' },
  'max-inflight': { type: 'string' },
  'receive-maximum': { type: 'string' },
  'max-queued-messages': { type: 'string' },
  'max-queued-bytes': { type: 'string' },
  'max-total-queued-bytes': { type: 'string' },
  'max-outbox-bytes': { type: 'string' },
  'max-retained-messages': { type: 'string' },
  'max-retained-bytes': { type: 'string' },
  'max-retained-payload': { type: 'string' },
  'sys-interval': { type: 'string' },
  config: { type: 'string' },
  'log-level': { type: 'string' },
  'log-format': { type: 'string' },
  help: { type: 'boolean' },
  version: { type: 'boolean' },
} as const satisfies ParseArgsConfig['options']

export type OptionName = keyof typeof OPTIONS

/** Values as they were written, whether on the command line or in the file. */
export type Values = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values']
