/**
 * The options that `anax pub` and `anax sub` share: the broker and the client. The short names are those of Mosquitto's
 * clients. Owns the table and the meaning of the values; opens no stream.
 */
import { readFileSync } from 'node:fs'
import type { ConnectionOptions } from 'node:tls'
import type { ConnectOptions } from '../../client/index.js'
import { fileError, usageError } from '../command-error.js'
import { numberOf } from '../options/sub-command.js'

export const CLIENT_OPTIONS = {
  host: { type: 'string', short: 'h' },
  port: { type: 'string', short: 'p' },
  url: { type: 'string', short: 'L' },
  username: { type: 'string', short: 'u' },
  password: { type: 'string', short: 'P' },
  id: { type: 'string', short: 'i' },
  'mqtt-version': { type: 'string', short: 'V' },
  keepalive: { type: 'string', short: 'k' },
  tls: { type: 'boolean' },
  ca: { type: 'string' },
  cert: { type: 'string' },
  key: { type: 'string' },
  insecure: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

export const CLIENT_USAGE = `Broker
  -h, --host HOST         its address                                 [127.0.0.1]
  -p, --port PORT         its port                                    [1883, 8883 with TLS]
  -L, --url URL           or mqtt://, mqtts://, ws://, wss://, mqtt+unix:///FILE
  --tls                   connect with TLS; --ca, --cert and --insecure do so, too
  --ca FILE               trust certificates signed by these authorities (PEM)
  --cert FILE             certificate of this client (PEM)
  --key FILE              its private key (PEM)
  --insecure              accept any certificate of the broker

Client
  -u, --username NAME     user name
  -P, --password TEXT     password; others on this machine can see it. Without:
                          the environment variable ANAX_PASSWORD
  -i, --id ID             client identifier                           [random]
  -V, --mqtt-version V    5, 3.1.1 or 3.1                             [5]
  -k, --keepalive SECONDS interval of PINGREQ; 0 for never            [60]
  --help                  print this
`

type Value = string | boolean | undefined

/** The values of the shared options. */
export interface ClientValues {
  host?: Value
  port?: Value
  url?: Value
  username?: Value
  password?: Value
  id?: Value
  'mqtt-version'?: Value
  keepalive?: Value
  tls?: Value
  ca?: Value
  cert?: Value
  key?: Value
  insecure?: Value
}

/** Where a broker is, and how to connect to it. */
export interface Target {
  url: string
  tls: ConnectionOptions
  /** Whether the version has properties. */
  hasProperties: boolean
  connect: ConnectOptions & { protocolVersion: 3 | 4 | 5 }
}

const VERSIONS: Readonly<Record<string, 3 | 4 | 5>> = {
  5: 5,
  '5.0': 5,
  mqttv5: 5,
  '3.1.1': 4,
  311: 4,
  mqttv311: 4,
  3.1: 3,
  31: 3,
  mqttv31: 3,
}

const HAVE_PROPERTIES = { 3: false, 4: false, 5: true } as const

/**
 * @param command the name of the sub-command
 * @throws CommandError
 */
export function targetOf(command: string, values: ClientValues): Target {
  const texts = values as Partial<Record<keyof ClientValues, string>>
  const { id, 'mqtt-version': version = '5', keepalive = '60' } = texts
  const protocolVersion = Object.hasOwn(VERSIONS, version) ? VERSIONS[version] : undefined
  if (protocolVersion === undefined) {
    throw usageError(`--mqtt-version takes 5, 3.1.1 or 3.1, not '${version}'`, command)
  }
  const { url, username, password } = addressOf(command, texts)
  const hasProperties = HAVE_PROPERTIES[protocolVersion]
  if (password !== undefined && username === undefined && !hasProperties) {
    throw usageError('before MQTT 5.0, a password needs a user name', command)
  }
  return {
    url,
    tls: tlsOf(command, texts),
    hasProperties,
    connect: {
      protocolVersion,
      keepalive: numberOf(command, 'keepalive', keepalive, 0, 65_535),
      ...(id !== undefined && { clientId: id }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    },
  }
}

/** A URL may contain user name and password; options take precedence. */
function addressOf(command: string, texts: Partial<Record<keyof ClientValues, string>>) {
  const { url, host, port } = texts
  if (url !== undefined && (host !== undefined || port !== undefined)) {
    throw usageError('--url takes the place of --host and --port', command)
  }
  const address = url === undefined ? undefined : urlOf(command, url)
  const username = texts.username ?? (decodeURIComponent(address?.username ?? '') || undefined)
  const password = texts.password ?? (decodeURIComponent(address?.password ?? '') || process.env.ANAX_PASSWORD)
  if (address === undefined) return { url: plainUrl(command, texts), username, password }
  address.username = ''
  address.password = ''
  return { url: address.href, username, password }
}

function urlOf(command: string, text: string): URL {
  const address = URL.canParse(text) ? new URL(text) : undefined
  if (address && ['mqtt:', 'mqtts:', 'ws:', 'wss:', 'mqtt+unix:'].includes(address.protocol)) return address
  throw usageError(`--url begins with mqtt://, mqtts://, ws://, wss:// or mqtt+unix://, not '${text}'`, command)
}

function plainUrl(command: string, texts: Partial<Record<keyof ClientValues, unknown>>): string {
  const { tls, ca, cert, insecure, host = '127.0.0.1', port } = texts as Record<string, string | undefined>
  const isSecure = [tls, ca, cert, insecure].some(value => value !== undefined)
  const number = port === undefined ? (isSecure ? 8883 : 1883) : numberOf(command, 'port', port, 1, 65_535)
  const text = `${isSecure ? 'mqtts' : 'mqtt'}://${host.includes(':') ? `[${host}]` : host}:${number}`
  if (!URL.canParse(text)) throw usageError(`--host takes a name or an address, not '${host}'`, command)
  return text
}

function tlsOf(command: string, texts: Partial<Record<keyof ClientValues, unknown>>): ConnectionOptions {
  const { ca, cert, key, insecure } = texts as Record<string, string | undefined>
  if ((cert === undefined) !== (key === undefined)) throw usageError('--cert and --key need each other', command)
  return {
    ...(ca !== undefined && { ca: read(ca) }),
    ...(cert !== undefined && key !== undefined && { cert: read(cert), key: read(key) }),
    ...(insecure !== undefined && { rejectUnauthorized: false }),
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw fileError(file, error)
  }
}
