/**
 * The options of `createAdmin`: defaults and checks.
 * Must not know requests, except their type.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { BrokerOptions } from '../../types/broker/options.js'
import { AnaxError } from '../index.js'
import { LogTail } from './log-tail.js'

/**
 * Authorizes one request. A string accepts it, and is the user name in audit events; `true` accepts it without a name;
 * anything else refuses it with 401.
 */
export type AdminAuthorize = (
  request: IncomingMessage,
) => boolean | string | undefined | Promise<boolean | string | undefined>

/** Options of {@link createAdmin}. */
export interface AdminOptions {
  /**
   * Decides who may use it. If it is set, there is no token. If it throws, the request is refused.
   * @default requests with the token
   */
  authorize?: AdminAuthorize
  /** The secret token: at least 16 characters of A-Z, a-z, 0-9, `-`, `_`. @default a random one of 192 bits */
  token?: string
  /**
   * Host names that browsers use to reach it, without port. Addresses and `localhost` are always accepted. Any other
   * name is refused, because a hostile page could make its own name resolve to this machine. @default none
   */
  hosts?: readonly string[]
  /**
   * The mount path, such as `/admin`, if the framework does not remove it from the URL, as Express does.
   * @default ''
   */
  path?: string
  /**
   * Who may request `/livez` and `/readyz`: `authorized`, as for everything else, or `everybody`.
   * @default 'authorized'
   */
  health?: 'authorized' | 'everybody'
  /** Interval between two samples in milliseconds, 100 to 60000. @default 1000 */
  sampleMs?: number
  /** Number of samples to keep, 1 to 86400. @default 600 */
  history?: number
  /** The options of the broker; their plain values are shown. @default none */
  broker?: BrokerOptions
  /** The log to show: the same object as the broker's `logger`. @default none */
  log?: LogTail
}

/** The options with their defaults. */
export interface ResolvedAdminOptions {
  authorize: AdminAuthorize | undefined
  token: string | undefined
  hosts: ReadonlySet<string>
  path: string
  health: 'authorized' | 'everybody'
  sampleMs: number
  history: number
  broker: BrokerOptions
  log: LogTail | undefined
}

const NAMES = ['authorize', 'token', 'hosts', 'path', 'health', 'sampleMs', 'history', 'broker', 'log']

const RANDOM_BYTES = 24

/** @throws AnaxError ANAX_ERR_OPTION */
export function resolveAdminOptions(options: AdminOptions): ResolvedAdminOptions {
  const unknown = Object.keys(options).find(name => !NAMES.includes(name))
  if (unknown !== undefined) throw refused(`there is no option ${unknown}`)
  const { authorize, token, hosts = [], path = '', health = 'authorized', broker = {} } = options
  if (authorize !== undefined && typeof authorize !== 'function') throw refused('authorize must be a function')
  if (authorize !== undefined && token !== undefined) throw refused('authorize and token exclude each other')
  if (token !== undefined && !/^[\w-]{16,}$/.test(token)) {
    throw refused('token must have at least 16 characters of A-Z, a-z, 0-9, - and _')
  }
  if (!Array.isArray(hosts) || !hosts.every(name => typeof name === 'string' && /^[\w.-]+$/.test(name))) {
    throw refused('hosts must be an array of host names without ports')
  }
  if (typeof path !== 'string' || !/^(\/[\w.~-]+)*$/.test(path)) throw refused('path must be like /admin')
  if (health !== 'authorized' && health !== 'everybody') throw refused("health must be 'authorized' or 'everybody'")
  if (options.log !== undefined && !(options.log instanceof LogTail)) throw refused('log must be a LogTail')
  return {
    authorize,
    token: authorize === undefined ? (token ?? randomBytes(RANDOM_BYTES).toString('base64url')) : undefined,
    hosts: new Set(hosts.map((name: string) => name.toLowerCase())),
    path,
    health,
    sampleMs: whole('sampleMs', options.sampleMs ?? 1000, 100, 60_000),
    history: whole('history', options.history ?? 600, 1, 86_400),
    broker,
    log: options.log,
  }
}

function whole(name: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw refused(`${name} must be a whole number from ${min} to ${max}`)
}

function refused(detail: string): AnaxError {
  return new AnaxError('ANAX_ERR_OPTION', { detail })
}
