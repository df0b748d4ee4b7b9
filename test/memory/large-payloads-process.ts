/** A broker in a process of its own, which counts V8's full collections and answers each request with their number. */
import net, { type AddressInfo } from 'node:net'
import { constants, type NodeGCPerformanceDetail, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createBroker } from '../../lib/index.js'

let fullCollections = 0
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    const { kind } = (entry as { detail?: unknown }).detail as NodeGCPerformanceDetail
    if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) fullCollections++
  }
}).observe({ entryTypes: ['gc'] })

const broker = await createBroker()
const server = net.createServer(broker.handle).listen(0, '127.0.0.1', () => {
  process.send!((server.address() as AddressInfo).port)
})
process.on('message', async () => {
  // the observer is called in a later turn
  for (let i = 0; i < 3; i++) await nextTurn()
  process.send!(fullCollections)
})
