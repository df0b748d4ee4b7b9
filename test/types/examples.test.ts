/**
 * Each name that tests, applications of Aedes and client applications import appears in a snippet of the documentation.
 */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import * as aedes from '../../lib/aedes/index.js'
import * as client from '../../lib/client/index.js'
import * as main from '../../lib/index.js'
import * as testing from '../../lib/testing/index.js'
import { ROOT } from '../support/root.js'

/** Classes that users do not construct: the snippet has something else of them. */
const HANDED_OUT: Readonly<Record<string, string>> = {
  AedesClient: 'authenticate: (_client',
  Broker: 'await createBroker(',
  Faults: 't.faults.',
  Link: 't.link(',
  MessageLog: 't.waitFor(',
  MqttConnection: 'await connect(',
  ReceivedMessage: 'for await (const',
  RecordedMessage: 'm => m.text',
  TestBroker: 'await startTestBroker(',
  TopicPattern: "= topic('",
}

/** The default export, under the name that a snippet gives it. */
const DEFAULTS: Readonly<Record<string, string>> = { default: 'new Server(', 'module.exports': 'new Server(' }

/** For the parts of Anax itself, which are layers on this entry point. */
const FOR_LAYERS = new Set(['networkOf', 'shownName', 'areClientLimits'])

const folder = join(ROOT, 'docs')
const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
  name => name.endsWith('.md') && !name.startsWith('decisions'),
)
const code = [join(ROOT, 'README.md'), ...pages.map(name => join(folder, name))]
  .flatMap(page =>
    [...readFileSync(page, 'utf8').matchAll(/^```(?:ts|js)\n(.*?)^```/gms)].map(([, snippet]) => snippet),
  )
  .join('\n')

for (const [entry, names] of Object.entries({
  anax: main,
  'anax/aedes': aedes,
  'anax/client': client,
  'anax/testing': testing,
})) {
  it(`${entry}: every name is in a snippet`, () => {
    const isShown = (name: string) => {
      const use = HANDED_OUT[name] ?? DEFAULTS[name]
      return use === undefined ? new RegExp(`\\b${name}\\b`).test(code) : code.includes(use)
    }
    assert.deepEqual(
      Object.keys(names).filter(name => !FOR_LAYERS.has(name) && !isShown(name)),
      [],
    )
  })
}
