/** Run as a worker of `node:cluster`: creates brokers, and reports this package's warnings. */
import mqemitter from 'mqemitter'
import { createBroker } from '../../lib/index.js'

const codes: unknown[] = []
process.on('warning', warning => {
  if ('code' in warning && String(warning.code).startsWith('ANAX_')) codes.push(warning.code)
})

async function warningsOf(...options: Parameters<typeof createBroker>): Promise<unknown[]> {
  const broker = await createBroker(...options)
  await broker.close()
  // a warning is emitted in the next tick
  await new Promise(setImmediate)
  return codes.splice(0)
}

const withBus = await warningsOf({ mq: mqemitter() })
const alone = await warningsOf()
const again = await warningsOf()
process.send?.({ withBus, alone, again })
