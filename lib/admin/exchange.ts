/**
 * One request and its response, as the handler of a route sees them.
 * Owns headers, bodies and event streams; must not know a broker.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from './access.js'
import { invalid, Problem } from './problem.js'

/** No resources of other origins, no inline script or style, and no framing. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'content-security-policy': POLICY,
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  // with no-referrer, browsers send no origin with the sign-in form
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

const MAX_BODY_BYTES = 1024 * 1024

/** An authorized request. */
export interface Exchange {
  readonly caller: Caller
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  /** The decoded value of `{id}` in the path. */
  readonly id: string
}

/** Headers of every response. */
export function setHeaders(response: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value)
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(value))
}

export function send(response: ServerResponse, status: number, type: string, content: string | Buffer): void {
  const body = Buffer.from(content)
  response.writeHead(status, { 'content-type': type, 'content-length': body.length })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

export function sendProblem(response: ServerResponse, { status, code, message }: Problem): void {
  if (response.headersSent) response.destroy()
  else sendJson(response, status, { error: { code, message } })
}

/**
 * The JSON object of a request. A body that a framework has already parsed is used as it is.
 * @throws Problem
 */
export async function readObject(request: IncomingMessage & { body?: unknown }): Promise<Record<string, unknown>> {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json\b/i.test(type)) throw new Problem(415, 'not-json', 'The body must be application/json')
  const value = request.body ?? parse(await readBody(request))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('the body must be an object')
  return value as Record<string, unknown>
}

/** The body as text. @throws Problem */
export async function readBody(request: IncomingMessage): Promise<string> {
  // refused before it is read: otherwise the connection would break before the response arrives
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function tooLarge(): Problem {
  return new Problem(413, 'too-large', `The body is larger than ${MAX_BODY_BYTES} bytes`)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid('the body is not JSON')
  }
}

/** A stream of server-sent events. */
export class EventStream {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
    // a HEAD request gets no stream
    if (response.req.method === 'HEAD') response.end()
    else response.write(': open\n\n')
  }

  /** Sends an event. @returns false if the reader has not read the previous events: this one is skipped */
  send(event: string, value: unknown): boolean {
    if (this.#response.writableNeedDrain || this.#response.writableEnded) return false
    this.#response.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`)
    return true
  }

  /** Sends a comment line, because proxies close a connection that is idle for a minute. */
  keepOpen(): void {
    if (!this.#response.writableNeedDrain && !this.#response.writableEnded) this.#response.write(': \n\n')
  }

  end(): void {
    this.#response.end()
  }
}
