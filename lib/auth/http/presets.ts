/**
 * The formats of requests and answers: ours, and those of EMQX and mosquitto-go-auth. Owns these formats; must not know
 * how requests are sent.
 */

import type { Identity, IdentityRule } from '../identity.js'
import { claimOf, limitsFrom, rulesFrom } from '../jwt/claims.js'

/** The names of the formats. */
export type HttpPreset = 'json' | 'emqx' | 'mosquitto-go-auth'

/** A question about a client. */
export interface HttpQuestion {
  clientId: string
  username: string | undefined
  /** The client's IP address. */
  address: string | undefined
}

/** The answer of a service. */
export interface HttpAnswer {
  status: number
  /** Its JSON, otherwise its text; undefined if it is empty. */
  body: unknown
}

/** `unknown` leaves the client to the next module; `broken` counts as no answer. */
export type HttpVerdict = 'allow' | 'deny' | 'unknown' | 'broken'

export interface Preset {
  authenticate(question: HttpQuestion, password: string | undefined): object
  authorize(question: HttpQuestion, action: 'publish' | 'subscribe', topic: string): object
  verdict(answer: HttpAnswer): HttpVerdict
  /** Further fields of an answer that accepts the client; undefined if they are invalid. */
  identity(body: unknown, username: string | undefined): Identity | undefined
}

const EVERYTHING: readonly IdentityRule[] = [{ permission: 'allow', action: 'all', filter: '#' }]

export const PRESETS: Readonly<Record<HttpPreset, Preset>> = {
  json: {
    authenticate: (question, password) => ({ ...question, password }),
    authorize: (question, action, topic) => ({ ...question, action, topic }),
    verdict: byResult,
    identity: (body, username) =>
      identityOf(body, username, {
        ...{ roles: 'roles', groups: 'groups', attributes: 'attributes', limits: 'limits', expires: 'expiresAt' },
      }),
  },
  emqx: {
    authenticate: ({ clientId, username, address }, password) => ({
      clientid: clientId,
      username,
      password,
      peerhost: address,
    }),
    authorize: ({ clientId, username, address }, action, topic) => ({
      clientid: clientId,
      username,
      peerhost: address,
      action,
      topic,
    }),
    verdict: byResult,
    identity: (body, username) => identityOf(body, username, { attributes: 'client_attrs', expires: 'expire_at' }),
  },
  'mosquitto-go-auth': {
    authenticate: ({ clientId, username }, password) => ({ username, password, clientid: clientId }),
    authorize: ({ clientId, username }, action, topic) => ({
      username,
      clientid: clientId,
      topic,
      acc: action === 'publish' ? 2 : 4,
    }),
    verdict: ({ status, body }) => {
      if (status !== 200) return byStatus(status)
      return body === undefined || isOk(body) ? 'allow' : 'deny'
    },
    identity: (_body, username) => ({ username }),
  },
}

/** A success without a verdict does not count: a login page of a proxy answers 200 as well. */
function byResult({ status, body }: HttpAnswer): HttpVerdict {
  if (status === 204) return 'allow'
  if (status !== 200) return byStatus(status)
  switch (claimOf(asObject(body), 'result')) {
    case 'allow':
      return 'allow'
    case 'deny':
      return 'deny'
    case 'ignore':
      return 'unknown'
    default:
      return 'broken'
  }
}

/**
 * Whether the body of a mosquitto-go-auth answer means success: JSON, whose names are case-insensitive in Go, or a
 * text. Any other text is a refusal.
 */
function isOk(body: unknown): boolean {
  if (typeof body === 'string') return body.trim().toLowerCase() === 'ok'
  const answers = Object.entries(asObject(body)).filter(([name]) => name.toLowerCase() === 'ok')
  return answers.length > 0 && answers.every(([, value]) => value === true)
}

function byStatus(status: number): HttpVerdict {
  return status >= 400 && status < 500 && status !== 408 && status !== 429 ? 'deny' : 'broken'
}

interface FieldNames {
  roles?: string
  groups?: string
  limits?: string
  attributes: string
  /** Seconds since the epoch. */
  expires: string
}

function identityOf(body: unknown, username: string | undefined, names: FieldNames): Identity | undefined {
  const fields = asObject(body)
  const roles = textsOf(names.roles && claimOf(fields, names.roles))
  const groups = textsOf(names.groups && claimOf(fields, names.groups))
  const attributes = attributesOf(claimOf(fields, names.attributes))
  const limits = limitsFrom(names.limits && claimOf(fields, names.limits))
  const isSuperuser = claimOf(fields, 'is_superuser') === true
  const rules = isSuperuser ? EVERYTHING : rulesFrom(claimOf(fields, 'acl'))
  const expires = claimOf(fields, names.expires)
  if (roles === undefined || groups === undefined || attributes === undefined || rules === null || limits === null)
    return undefined
  if (expires !== undefined && typeof expires !== 'number') return undefined
  return {
    username,
    roles,
    groups,
    attributes,
    ...(rules !== undefined && { rules }),
    ...(limits !== undefined && { limits }),
    ...(expires !== undefined && { expiresAt: expires * 1000 }),
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function textsOf(value: unknown): string[] | undefined {
  if (value === undefined) return []
  return Array.isArray(value) && value.every(item => typeof item === 'string') ? value : undefined
}

function attributesOf(value: unknown): Record<string, string> | undefined {
  if (value === undefined) return {}
  const entries = Object.entries(asObject(value))
  const isRight = entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')
  return isRight ? Object.assign(Object.create(null), Object.fromEntries(entries)) : undefined
}
