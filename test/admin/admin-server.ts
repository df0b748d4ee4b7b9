/** A broker with its administration on a port of its own, and requests to it. */
import { once } from 'node:events'
import http, { type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Admin, type AdminOptions, type AuditRecord, createAdmin } from '../../lib/admin/index.js'
import { type Broker, type BrokerOptions, createBroker } from '../../lib/index.js'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: whatever the JSON has
  json: any
}

export interface Asking {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: unknown
  /** Sends no token. */
  anonymous?: true
}

export class AdminServer {
  readonly broker: Broker
  readonly admin: Admin
  readonly server: http.Server
  readonly audits: AuditRecord[] = []

  constructor(broker: Broker, options: AdminOptions) {
    this.broker = broker
    this.admin = createAdmin(broker, options)
    this.admin.on('audit', record => this.audits.push(record))
    this.server = http.createServer(this.admin.handle)
  }

  static async start(options: AdminOptions = {}, broker: BrokerOptions = {}): Promise<AdminServer> {
    const started = new AdminServer(await createBroker(broker), options)
    await once(started.server.listen(0, '127.0.0.1'), 'listening')
    return started
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async ask(path: string, asking: Asking = {}): Promise<Answer> {
    const { anonymous, headers = {}, ...rest } = asking
    const authorization = anonymous ? {} : { authorization: `Bearer ${this.admin.token}` }
    return ask(this.port, path, { ...rest, headers: { ...authorization, ...headers } })
  }

  async close(): Promise<void> {
    await this.broker.close()
    this.server.closeAllConnections()
    this.server.close()
  }
}

/** Sends a request with Node's own client, which can send any header. */
export async function ask(port: number, path: string, { method, headers, body }: Asking): Promise<Answer> {
  const content = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'object' ? { 'content-type': 'application/json' } : {}
  const options = { host: '127.0.0.1', port, path, agent: false as const, headers: { ...type, ...headers } }
  const request = http.request({ ...options, method: method ?? (body === undefined ? 'GET' : 'POST') })
  request.end(content)
  const [response] = await once(request, 'response')
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  const isJson = /json/.test(response.headers['content-type'] ?? '')
  return { status: response.statusCode, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
}

/** Yields the events of a stream, and the comments between them; the first is `open`. Ends with the stream. */
export async function* events(
  port: number,
  path: string,
  token: string | undefined,
  // biome-ignore lint/suspicious/noExplicitAny: whatever the JSON has
): AsyncGenerator<{ event: string; data: any }, void> {
  const headers = { authorization: `Bearer ${token}` }
  const [response] = await once(http.get({ host: '127.0.0.1', port, path, agent: false, headers }), 'response')
  let text = ''
  try {
    for await (const chunk of response.setEncoding('utf8')) {
      const blocks = (text + chunk).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? []
        yield event === undefined ? { event: block.slice(2), data: undefined } : { event, data: JSON.parse(data!) }
      }
    }
  } finally {
    response.destroy()
  }
}
