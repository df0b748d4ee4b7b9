/**
 * The parts of a broker in the budget, and the functions of each. Only this table assigns them; knows no profile and no
 * chart.
 */

/** One part of a broker, or of Node.js. */
export interface Part {
  name: string
  colour: string
  /**
   * Prefixes of its functions: the path of their file, from the root of the repository or with its package, or
   * `built-in:` and the function's name if it has no file. The longest match decides.
   */
  functions: readonly string[]
}

/** Every part, in the order of the bars: first the broker's own work, then Node.js and V8. */
export const parts = [
  {
    name: 'decoder',
    colour: '#1f75e0',
    functions: ['lib/codec/'],
  },
  {
    name: 'pipeline: checks, hooks, publisher',
    colour: '#8e5cf0',
    functions: [
      'lib/broker/',
      'lib/connection/handlers/',
      'lib/util/scheduling/pipeline',
      'lib/connection/payload-format',
      'lib/session/subscribing',
      'bench/brokers/anax',
    ],
  },
  {
    name: 'bus: mqemitter and our end of it',
    colour: '#bf3989',
    functions: [
      'lib/routing/bus/',
      'lib/util/collections/recent',
      'node_modules/fastparallel/',
      'node_modules/mqemitter/',
      'node_modules/qlobber/',
      'node_modules/reusify/',
    ],
  },
  {
    name: 'routing and delivery',
    colour: '#d03c44',
    functions: ['lib/model/', 'lib/routing/', 'lib/session/', 'lib/topic/'],
  },
  {
    name: 'encoder and outbox',
    colour: '#c9540a',
    functions: [
      'lib/codec/encode/',
      'lib/codec/wire/frame',
      'lib/codec/wire/join-frames',
      'lib/codec/wire/varint',
      'lib/codec/wire/wire-writer',
      'lib/model/delivery',
      'lib/connection/stream/outbox',
      'lib/connection/stream/packet-encoder',
    ],
  },
  {
    name: 'connection, timers, WebSocket',
    colour: '#9a6700',
    functions: ['lib/cli/', 'lib/connection/', 'lib/server/', 'lib/util/', 'node_modules/ws/'],
  },
  {
    name: 'store',
    colour: '#1a7f37',
    functions: ['lib/broker/publish/queue-', 'lib/broker/sessions/failed-writes', 'lib/persistence/'],
  },
  {
    name: 'relay',
    colour: '#1b7c83',
    functions: ['bench/brokers/relay'],
  },
  {
    name: 'buffers: views, copies, text',
    colour: '#5b7a99',
    functions: [
      'built-in:FastBuffer',
      'built-in:copy',
      'built-in:get buffer',
      'built-in:get byte',
      'built-in:get length',
      'built-in:latin1',
      'built-in:utf8',
      'node:buffer',
      'node:internal/buffer',
    ],
  },
  {
    name: 'garbage collector',
    colour: '#8a6f5c',
    functions: ['built-in:(garbage collector)'],
  },
  {
    name: "V8's other threads",
    colour: '#a08f7a',
    functions: [],
  },
  {
    name: 'Node.js: streams, events',
    colour: '#737b85',
    functions: ['built-in:', 'node:'],
  },
  {
    name: 'sockets: read, write, TLS',
    colour: '#566878',
    functions: ['built-in:(polling)', 'built-in:write'],
  },
  {
    name: 'other',
    colour: '#c9a227',
    functions: [],
  },
] as const satisfies readonly Part[]

/** The name of a part. */
export type PartName = (typeof parts)[number]['name']

/** The compiled repository, which contains this file. */
const ROOT = new URL('../../', import.meta.url).href
const PACKAGES = '/node_modules/'

/** A function as the table has it. */
function described(name: string, url: string): string {
  if (url === '') return `built-in:${name}`
  if (url.includes(PACKAGES)) return url.slice(url.lastIndexOf(PACKAGES) + 1)
  return url.startsWith(ROOT) ? url.slice(ROOT.length) : url
}

/** The part of a function; `other` if nothing in the table matches. */
export function partOf(name: string, url: string): PartName {
  const text = described(name, url)
  let longest = 0
  let found: PartName = 'other'
  for (const part of parts) {
    for (const beginning of part.functions) {
      if (beginning.length <= longest || !text.startsWith(beginning)) continue
      longest = beginning.length
      found = part.name
    }
  }
  return found
}
