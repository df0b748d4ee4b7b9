/**
 * One request and its answer: what a handler of a route is given, and the ways to answer.
 * Owns headers, bodies and event streams; knows no broker.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Caller } from './access.js'
import { invalid, Problem } from './problem.js'

/** Nothing from elsewhere, no script or style within the page, and no frame around it. */
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
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

const MAX_BODY_BYTES = 1024 * 1024

/** A request that was let in. */
export interface Exchange {
  readonly caller: Caller
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  /** What stands for `{id}` in the path, decoded. */
  readonly id: string
}

/** On every answer, whatever it is. */
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
 * The JSON object of a request. What a framework has read and parsed already is taken as it is.
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
  // refused before it is read, so that the answer arrives: who stops reading cuts the connection
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

/** Events for a browser, as long as it listens (server-sent events). */
export class EventStream {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
    // who asks for the head wants nothing to go on
    if (response.req.method === 'HEAD') response.end()
    else response.write(': open\n\n')
  }

  /** False where the reader has not taken what it was sent before: then this one is left out. */
  send(event: string, value: unknown): boolean {
    if (this.#response.writableNeedDrain || this.#response.writableEnded) return false
    this.#response.write(`event: ${event}\ndata: ${JSON.stringify(value)}\n\n`)
    return true
  }
}
