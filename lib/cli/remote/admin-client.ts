/** Sends requests to the administration of a running broker. Owns its address and the token; knows no route. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CommandError, fileError, usageError } from '../command-error.js'

export const ADMIN_OPTIONS = {
  url: { type: 'string', short: 'L' },
  token: { type: 'string' },
  'token-file': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

export const ADMIN_USAGE = `Administration
  -L, --url URL           its address; may be that of the dashboard with its token
                                                                      [http://127.0.0.1:8084]
  --token TOKEN           its token. Without: the environment variable
                          ANAX_ADMIN_TOKEN, or the file
  --token-file FILE       where the broker keeps it                   [anax-data/admin-token]
  --json                  print JSON
  --help                  print this

Exit codes: 0 done, 1 no answer, not let in, or not found, 2 wrong options.
`

export interface AdminValues {
  url?: string | undefined
  token?: string | undefined
  'token-file'?: string | undefined
}

const TIMEOUT_MS = 30_000

export class AdminClient {
  readonly #base: URL
  readonly #token: string

  /** @throws CommandError */
  constructor(command: string, values: AdminValues) {
    this.#base = baseOf(command, values.url ?? 'http://127.0.0.1:8084')
    this.#token = tokenOf(values, this.#base)
    this.#base.search = ''
    if (!this.#base.pathname.endsWith('/')) this.#base.pathname += '/'
  }

  /** The answer. @throws CommandError */
  async get<T>(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<T> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return (await this.#answer<T>(await this.#send('GET', `${path}?${new URLSearchParams(given)}`)))!
  }

  /** The answer; undefined if the target does not exist. @throws CommandError */
  async post<T>(path: string, body: object): Promise<T | undefined> {
    const response = await this.#send('POST', path, JSON.stringify(body))
    return this.#answer(response, 'not-found')
  }

  async #send(method: string, path: string, body?: string): Promise<Response> {
    const headers = {
      authorization: `Bearer ${this.#token}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    try {
      return await fetch(new URL(`api/v1/${path}`, this.#base), {
        method,
        headers,
        signal,
        redirect: 'manual',
        ...(body !== undefined && { body }),
      })
    } catch (error) {
      throw new CommandError(`no administration at ${this.#base.origin}: ${reasonOf(error)}`)
    }
  }

  /** @param expected the code of an error that counts as the answer undefined */
  async #answer<T>(response: Response, expected?: string): Promise<T | undefined> {
    const text = await response.text()
    if (response.status === 401) throw new CommandError(`${this.#base.origin} does not accept this token`)
    const answer = parsed(text)
    if (response.ok && answer !== undefined) return answer as T
    const { error } = (answer ?? {}) as { error?: { code?: string; message?: string } }
    if (expected !== undefined && error?.code === expected) return undefined
    throw new CommandError(`${this.#base.origin} answered ${response.status}: ${error?.message ?? 'not in JSON'}`)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function baseOf(command: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw usageError(`--url begins with http:// or https://, not '${text}'`, command)
}

/** @throws CommandError */
function tokenOf(values: AdminValues, base: URL): string {
  const given = values.token ?? base.searchParams.get('token') ?? undefined
  if (given !== undefined) return given
  const file = values['token-file']
  if (file === undefined && process.env.ANAX_ADMIN_TOKEN) return process.env.ANAX_ADMIN_TOKEN
  try {
    return readFileSync(file ?? join('anax-data', 'admin-token'), 'utf8').trim()
  } catch (error) {
    if (file !== undefined) throw fileError(file, error)
    throw new CommandError(
      'the token of the administration is needed: --token, --token-file or ANAX_ADMIN_TOKEN. The broker prints it when it starts',
    )
  }
}

function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string; message?: string } }
  if (name === 'TimeoutError') return 'no answer'
  if (cause?.code === 'ECONNREFUSED') return 'nothing listens there'
  return cause?.message || (error instanceof Error ? error.message : String(error))
}
