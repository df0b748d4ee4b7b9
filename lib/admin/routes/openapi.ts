/**
 * The OpenAPI 3.1 document, made from the table of routes.
 * Owns its form; every fact in it comes from routes.ts and schemas.ts.
 */
import { QUERY, ROUTES, type Route } from './routes.js'
import { reference, SCHEMAS, type Schema } from './schemas.js'

const ERRORS: Readonly<Record<number, string>> = {
  400: 'The request is not acceptable',
  401: 'Not let in',
  403: 'Sent by a page of another origin',
  404: 'There is no such thing',
  409: 'A limit of the broker is reached',
  421: 'Not a host name of the administration',
  503: 'The broker is closed, or too much is open',
}

const ALWAYS = [400, 401, 403, 421, 503]

const HEALTH = {
  '/livez': 'Whether the process answers',
  '/readyz': 'Whether the broker is open and its store answers',
}

/** @param cookieName the name of the cookie with the token */
export function openApi(cookieName: string): Record<string, unknown> {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Anax administration',
      version: '1',
      description: 'Fields without a value are left out. Every route refuses who is not let in.',
    },
    security: [{ token: [] }, { cookie: [] }],
    paths: { ...healthPaths(), ...paths() },
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer' },
        cookie: { type: 'apiKey', in: 'cookie', name: cookieName },
      },
    },
  }
}

function healthPaths(): Record<string, unknown> {
  const responses = { ...json(200, 'It is so', 'Health'), ...json(503, 'It is not', 'Health') }
  const entries = Object.entries(HEALTH).map(([path, summary]) => {
    return [path, { get: { operationId: path.slice(1), summary, responses } }]
  })
  return Object.fromEntries(entries)
}

function paths(): Record<string, unknown> {
  const all: Record<string, Record<string, unknown>> = {}
  for (const route of ROUTES) {
    all[route.path] = { ...all[route.path], [route.method.toLowerCase()]: operation(route) }
  }
  return all
}

function operation(route: Route): Schema {
  const { path, query = [], body, summary } = route
  const id = { name: 'id', in: 'path', required: true, description: QUERY.clientId, schema: { type: 'string' } }
  const named = query.map(name => {
    return { name, in: 'query', required: false, description: QUERY[name], schema: { type: 'string' } }
  })
  return {
    operationId: operationId(route),
    summary,
    parameters: [...(path.includes('{id}') ? [id] : []), ...named],
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: reference(body) } } },
    }),
    responses: responses(route),
  }
}

function responses(route: Route): Schema {
  const statuses = [...ALWAYS, ...(route.refusals ?? [])].sort()
  const refusals = statuses.map(status => json(status, ERRORS[status] ?? '', 'Error'))
  const success =
    route.kind === 'stream'
      ? { 200: { description: 'Server-sent events', content: { 'text/event-stream': {} } } }
      : json(200, 'It is done', route.answer)
  return Object.assign({}, success, ...refusals)
}

function json(status: number, description: string, schema: string): Record<string, unknown> {
  return { [status]: { description, content: { 'application/json': { schema: reference(schema) } } } }
}

/** `getSessionsIdQueue` for `GET /api/v1/sessions/{id}/queue`. */
function operationId({ method, path }: Route): string {
  const words = path.split(/\W+/).filter(word => word !== '' && word !== 'api' && word !== 'v1')
  return [method.toLowerCase(), ...words.map(word => word[0]!.toUpperCase() + word.slice(1))].join('')
}
