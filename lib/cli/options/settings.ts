/**
 * The settings of the command's broker: the checked options, and which of them exclude or need each other.
 * Reads no file and opens no port.
 */
import { isIPv4 } from 'node:net'
import { join } from 'node:path'
import type { Verification } from '../../persistence/lmdb/lmdb.js'
import { SHAPES } from '../../presence/index.js'
import type { AdminSettings } from '../broker/admin.js'
import { usageError } from '../command-error.js'
import { type LineLoggerOptions, LOG_FORMATS, LOG_LEVELS } from '../log/logger.js'
import { type AccessSettings, checkAccess, knowsUsers } from './access-settings.js'
import { type ClusterSettings, clusterSettings } from './cluster.js'
import { type LimitName, type Limits, limitsOf } from './limits.js'
import type { Values } from './options.js'
import { type RateSettings, rateSettings } from './rates.js'

/** An address and a port. */
export interface Place {
  host: string
  port: number
}

export interface Settings {
  host: string
  /** Undefined if the listener is off. */
  ports: { tcp: number | undefined; ws: number | undefined; tls: number | undefined; wss: number | undefined }
  unix: string | undefined
  admin: AdminSettings | undefined
  /** The address of the metrics; undefined if they are off. */
  metrics: Place | undefined
  /** The address of the health checks; undefined if they are off. */
  health: Place | undefined
  /** Files. */
  tls: { cert: string; key: string; ca: string | undefined } | undefined
  trustedProxies: string[] | undefined
  proxyProtocol: boolean
  allowedOrigins: string[] | undefined
  access: AccessSettings
  /** The folder of the store; undefined keeps it in memory. */
  data: string | undefined
  /** How thoroughly the store is verified when it is opened. */
  verify: Verification
  /** The broker then has no store. */
  cluster: ClusterSettings | undefined
  id: string | undefined
  limits: Limits
  rates: RateSettings
  /** Whether it refuses to start unless its settings are safe for the internet. */
  isPublic: boolean
  /** Seconds between updates of `$SYS/broker/`. */
  sysInterval: number
  /** The format of presence messages; undefined if they are off. */
  presence: PresenceName | undefined
  log: LineLoggerOptions
}

/** One day in seconds. */
const MAX_SYS_INTERVAL = 86_400

type PresenceName = keyof typeof SHAPES

const PRESENCE_NAMES = Object.keys(SHAPES) as PresenceName[]

const VERIFICATIONS: readonly Verification[] = ['quick', 'full', 'off']

/** @throws CommandError */
export function checkSettings(values: Values): Settings {
  for (const [name, value] of Object.entries(values)) if (value === '') throw usageError(`--${name} must not be empty`)
  const tls = tlsFiles(values)
  const settings: Settings = {
    host: values.host ?? '127.0.0.1',
    ports: {
      tcp: port(values, 'port') ?? orOff(values.port, 1883),
      ws: port(values, 'ws-port') ?? orOff(values['ws-port'], 8083),
      tls:
        port(values, 'tls-port') ??
        (tls && values['wss-port'] === undefined ? orOff(values['tls-port'], 8883) : undefined),
      wss: port(values, 'wss-port'),
    },
    unix: values.unix,
    admin: admin(values),
    metrics: placeOf(values, 'metrics'),
    health: placeOf(values, 'health'),
    tls,
    trustedProxies: values['trusted-proxies']?.split(','),
    proxyProtocol: values['proxy-protocol'] === true,
    allowedOrigins: values['allowed-origins']?.split(','),
    access: checkAccess(values),
    data: values.memory ? undefined : (values.data ?? DEFAULT_FOLDER),
    verify: verification(values.verify),
    cluster: clusterOf(values),
    id: values.id,
    limits: limitsOf((name, min, max) => integer(values, name, min, max)),
    rates: rateSettings(values, (name, min, max) => integer(values, name, min, max)),
    isPublic: values.public ?? false,
    sysInterval: integer(values, 'sys-interval', 0, MAX_SYS_INTERVAL) ?? 10,
    presence: presenceOf(values.presence),
    log: logOf(values),
  }
  checkTogether(settings, values)
  return settings
}

/** The store's folder, in the folder in which the command is started. */
const DEFAULT_FOLDER = 'anax-data'

/** Whether every client must authenticate, by a password or a certificate. */
export function demandsIdentity({ access, tls, ports, unix }: Settings): boolean {
  const certificatesOnly = tls?.ca !== undefined && ports.tcp === undefined && ports.ws === undefined
  return !access.allowAnonymous && (knowsUsers(access) || (certificatesOnly && unix === undefined))
}

function checkTogether(settings: Settings, values: Values): void {
  const { ports, tls, unix, host, access } = settings
  if (tls === undefined && (ports.tls !== undefined || ports.wss !== undefined)) {
    throw usageError('--tls-port and --wss-port need --cert and --key')
  }
  if (settings.proxyProtocol && settings.trustedProxies === undefined) {
    throw usageError('--proxy-protocol needs --trusted-proxies')
  }
  if (settings.cluster !== undefined && (values.memory || values.data !== undefined)) {
    throw usageError('--cluster replaces --memory and --data')
  }
  if (values.memory && values.data !== undefined) throw usageError('--memory and --data exclude each other')
  if ([...Object.values(ports), unix].every(listener => listener === undefined)) {
    throw usageError('all listeners are off')
  }
  // with --public, this is listed with all other missing steps
  if (!isLoopback(host) && !access.allowAnonymous && !demandsIdentity(settings) && !settings.isPublic) {
    throw usageError(
      `on ${host} everybody could connect: give --password-file or --user, or allow it with --allow-anonymous`,
    )
  }
}

/** Whether an address is of this machine only. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}

function tlsFiles({ cert, key, ca }: Values): Settings['tls'] {
  if (cert === undefined && key === undefined && ca === undefined) return undefined
  if (cert === undefined || key === undefined) throw usageError('TLS needs both --cert and --key')
  return { cert, key, ca }
}

type PortName = 'port' | 'ws-port' | 'tls-port' | 'wss-port' | 'admin-port'

function port(values: Values, name: PortName): number | undefined {
  return values[name] === 'off' ? undefined : integer(values, name, 0, 65_535)
}

/** Off by default if another listener uses its port, which is also the usual port of WebSocket with TLS. */
function admin(values: Values): Settings['admin'] {
  const chosen = port(values, 'admin-port')
  const tokenFile = values['admin-token-file'] ?? tokenFileInStore(values)
  const hosts = values['admin-hosts']?.split(',') ?? []
  const wrong = hosts.find(name => !HOST_NAME.test(name))
  if (wrong !== undefined) throw usageError(`--admin-hosts takes host names without ports, not '${wrong}'`)
  if (chosen !== undefined) return { port: chosen, isChosen: true, hosts, tokenFile }
  const isTaken = Object.values(values).includes(String(ADMIN_PORT))
  const isOff = values['admin-port'] === 'off' || isTaken
  return isOff ? undefined : { port: ADMIN_PORT, isChosen: false, hosts, tokenFile }
}

/** The default file for the token is in the store's folder: whoever can read the store can do everything anyway. */
function tokenFileInStore({ memory, cluster, data = DEFAULT_FOLDER }: Values): string | undefined {
  return memory || cluster !== undefined ? undefined : join(data, 'admin-token')
}

function placeOf(values: Values, name: 'metrics' | 'health'): Place | undefined {
  const text = values[name]
  if (text === undefined || text === 'off') return undefined
  const [, host = '127.0.0.1', digits = ''] = /^(?:(.+):)?(\d{1,5})$/.exec(text) ?? []
  if (digits === '' || Number(digits) > 65_535) throw usageError(`--${name} takes PORT or HOST:PORT, not '${text}'`)
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(digits) }
}

const ADMIN_PORT = 8084

const HOST_NAME = /^[\w.-]+$/

/** A listener without an option is open on its default port. */
function orOff(text: string | undefined, standard: number): number | undefined {
  return text === 'off' ? undefined : standard
}

type NumberName =
  | PortName
  | LimitName
  | 'cluster-shards'
  | 'cluster-log-seconds'
  | 'cluster-max-shard-bytes'
  | 'sys-interval'
  | 'rate-patience'
  | 'auth-delay'
  | 'flapping-ban'

/** @throws CommandError */
export function clusterOf(values: Values): ClusterSettings | undefined {
  return clusterSettings(values, (name, min, max) => integer(values, name, min, max))
}

function integer(values: Values, name: NumberName, min: number, max: number): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) throw usageError(`--${name} takes a number from ${min} to ${max}, not '${text}'`)
  return value
}

function verification(text = 'quick'): Verification {
  const verify = VERIFICATIONS.find(name => name === text)
  if (verify === undefined) throw usageError(`--verify takes ${VERIFICATIONS.join(', ')}, not '${text}'`)
  return verify
}

function presenceOf(text = 'off'): PresenceName | undefined {
  if (text === 'off') return undefined
  const shape = PRESENCE_NAMES.find(name => name === text)
  if (shape === undefined) throw usageError(`--presence takes ${PRESENCE_NAMES.join(', ')} or off, not '${text}'`)
  return shape
}

function logOf({ 'log-level': levelName = 'info', 'log-format': formatName = 'text' }: Values): LineLoggerOptions {
  const level = LOG_LEVELS.find(name => name === levelName)
  if (level === undefined) throw usageError(`--log-level takes ${LOG_LEVELS.join(', ')}, not '${levelName}'`)
  const format = LOG_FORMATS.find(name => name === formatName)
  if (format === undefined) throw usageError(`--log-format takes ${LOG_FORMATS.join(', ')}, not '${formatName}'`)
  return { level, format }
}
