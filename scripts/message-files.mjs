/**
 * Lists the files of lib/ that have a function which runs for one message, by V8's coverage.
 *
 *   node scripts/message-files.mjs              of this checkout, which has to be built
 *   node scripts/message-files.mjs ../before    of another one
 */
import { Session } from 'node:inspector/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'

const root = resolve(process.argv[2] ?? '.')
const { createBroker } = await import(pathToFileURL(`${root}/dist/lib/index.js`))
const mqtt = createRequire(`${root}/package.json`)('mqtt')
const FIRST_MESSAGES = 5
/** Milliseconds until all that a message leads to is done. */
const SETTLED = 50

const broker = await createBroker()
const server = createServer(broker.handle).listen(0)
const { port } = server.address()

const kept = { clean: false, properties: { sessionExpiryInterval: 1000 } }
await list('QoS 0', 0, {})
await list('QoS 1, stored session', 1, kept)
process.exit()

async function list(title, qos, options) {
  const publisher = await connect({ clientId: `publisher ${qos}` })
  const subscriber = await connect({ clientId: `subscriber ${qos}`, ...options })
  await subscriber.subscribeAsync('topic', { qos })
  const publish = async () => {
    const received = new Promise(resolve => subscriber.once('message', resolve))
    publisher.publish('topic', 'payload', { qos })
    await received
    await sleep(SETTLED)
  }
  for (let i = 0; i < FIRST_MESSAGES; i++) await publish()
  const files = await filesOf(publish)
  console.log(`${title}: ${files.length} files\n  ${files.join('\n  ')}`)
}

function connect(options) {
  return mqtt.connectAsync({ host: '127.0.0.1', port, protocolVersion: 5, ...options })
}

async function filesOf(action) {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  await session.post('Profiler.takePreciseCoverage')
  await action()
  const { result } = await session.post('Profiler.takePreciseCoverage')
  session.disconnect()
  const ran = ({ functionName, ranges }) => functionName !== '' && ranges[0].count > 0
  const files = result.filter(({ url, functions }) => url.includes('/dist/lib/') && functions.some(ran))
  return files.map(({ url }) => url.split('/dist/lib/')[1]).sort()
}
