/** A client that subscribes while the engine does not answer for seconds is subscribed when it answers again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { natsCluster } from '../../lib/nats/index.js'
import { NatsServers, NO_NATS, natsServer } from '../support/programs/nats.js'
import { receivedBy, until, withNodes } from './support/nodes.js'

/** Longer than the engine's own time limits for a request, shorter than the lease. */
const OUTAGE_MS = 6000

test('a SUBSCRIBE waits for an engine that does not answer', {
  skip: natsServer === undefined && NO_NATS,
}, async () => {
  const servers = await NatsServers.start(1)
  try {
    await withNodes(natsCluster({ servers: servers.urls, replicas: 1 }), 2, async (one, other) => {
      const clean = await one!.connect('clean')
      const stored = await one!.connectStored('stored')
      const publisher = await other!.connect('publisher')
      await publisher.publishAsync('t/kept', 'retained', { qos: 1, retain: true })
      servers.kill(0, 'SIGSTOP')
      const subscribed = clean.subscribeAsync(['t/#', '$share/group/s'], { qos: 1 })
      const others = [stored.subscribeAsync('t/#', { qos: 2 }), one!.broker.subscribe('t/#', () => {})]
      await delay(OUTAGE_MS)
      servers.kill(0, 'SIGCONT')
      const granted = await subscribed
      await Promise.all(others)
      assert.deepEqual(
        granted.map(({ qos }) => qos),
        [1, 1],
      )
      for (const topic of ['t/new', 's']) await publisher.publishAsync(topic, topic, { qos: 1 })
      await until(() => receivedBy(clean).length === 3 && receivedBy(stored).length === 2, 'the messages')
      assert.deepEqual(receivedBy(clean).sort(), ['retained', 's', 't/new'])
      assert.deepEqual(receivedBy(stored).sort(), ['retained', 't/new'])
    })
  } finally {
    await servers.stop()
  }
})
