/**
 * Programs that use the package: they load every entry point, and a client exchanges a message with a broker. Owns
 * their source texts, in both formats; knows no tool.
 */

/** CONNECT of MQTT 3.1.1, SUBSCRIBE to "a", PUBLISH "xx" to "a". */
const PACKETS = '101000044d5154540402003c000461626364820600010001610030050001617878'
const ANSWERS = '20020000900300010030050001617878'

const BODY = `
async function exchange() {
  const broker = await createBroker()
  const server = await createServer(broker, { transport: 'tcp', port: 0 })
  const socket = connect(server.addresses[0].port, '127.0.0.1')
  socket.write(Buffer.from('${PACKETS}', 'hex'))
  let received = ''
  while (received.length < ${ANSWERS.length}) received += (await once(socket, 'data'))[0].toString('hex')
  socket.destroy()
  await server.close()
  await broker.close()
  const isRight = received === '${ANSWERS}' && new AnaxError('ANAX_ERR_LISTEN') instanceof AnaxError
  const areLoaded = entries.every(entry => Object.keys(entry).length > 0)
  return isRight && areLoaded ? 'exchanged' : received
}
`

const TYPED = `
export async function main(): Promise<void> {
  const broker: Broker = await createBroker({ authenticate: (client, username) => client.id === username })
  const server = await createServer(broker, { transport: 'tcp', port: 0 })
  const url: string | undefined = server.addresses[0]?.url
  broker.on('clientError', (_client, error) => console.log(url, error instanceof AnaxError, error.code))
  for await (const { topic } of broker.messages('a/#')) console.log(topic.length)
  await server.close()
  await broker.close()
}
`

function importsOf(specifiers: readonly string[]): string {
  return specifiers.map((specifier, index) => `import * as entry${index} from '${specifier}'`).join('\n')
}

function listOf(specifiers: readonly string[]): string {
  return `[${specifiers.map((_, index) => `entry${index}`).join(', ')}]`
}

/** File -> text, for a folder in which the package is installed. */
export function exchangeFiles(specifiers: readonly string[]): Record<string, string> {
  const imported = importsOf(specifiers)
  const listed = listOf(specifiers)
  const required = specifiers.map(specifier => `require('${specifier}')`).join(', ')
  const testOf = (load: string) =>
    `${load}\ntest('a message is exchanged', async () => expect(await exchange()).toBe('exchanged'))\n`
  const typedWith = (names: readonly string[]) =>
    `import { AnaxError, type Broker, createBroker } from 'anax'\nimport { createServer } from 'anax/server'\n` +
    `${importsOf(names)}\nexport const entries = ${listOf(names)}\n${TYPED}`
  const typed = typedWith(specifiers)
  const core = typedWith(specifiers.filter(name => name !== 'anax/nats'))
  const check = `exchange().then(text => {
  console.log(text)
  if (text !== 'exchanged') process.exitCode = 1
})\n`
  return {
    'exchange.mjs': `import { once } from 'node:events'
import { connect } from 'node:net'
import { AnaxError, createBroker } from 'anax'
import { createServer } from 'anax/server'
${imported}
const entries = ${listed}
${BODY}
export { exchange }\n`,
    'exchange.cjs': `const { once } = require('node:events')
const { connect } = require('node:net')
const { AnaxError, createBroker } = require('anax')
const { createServer } = require('anax/server')
const entries = [${required}]
${BODY}
exports.exchange = exchange\n`,
    'run.mjs': `import process from 'node:process'\nimport { exchange } from './exchange.mjs'\n${check}`,
    'run.cjs': `const { exchange } = require('./exchange.cjs')\n${check}`,
    'jest-cjs/exchange.test.js': testOf("const { exchange } = require('../exchange.cjs')"),
    'jest-esm/exchange.test.mjs': testOf("import { exchange } from '../exchange.mjs'"),
    'vitest/exchange.test.mjs': testOf(
      "import { expect, test } from 'vitest'\nimport { exchange } from '../exchange.mjs'",
    ),
    'consumer.mts': typed,
    'consumer.cts': typed,
    'core.mts': core,
    'core.cts': core,
  }
}
