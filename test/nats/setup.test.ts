/** A node never recreates a stream of the cluster: sessions have positions in it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JetStreamManager, StreamConfig } from '@nats-io/jetstream'
import { resolveOptions } from '../../lib/nats/options.js'
import { setUpStreams } from '../../lib/nats/setup.js'

/** A server with some streams. */
function serverWith(streams: Map<string, Partial<StreamConfig>>): JetStreamManager {
  const streamApi = {
    info: async (name: string) => {
      const config = streams.get(name)
      if (config === undefined) throw new Error('stream not found')
      return { config }
    },
    add: async (config: StreamConfig) => void streams.set(config.name, config),
    update: async (name: string, config: StreamConfig) => void streams.set(name, config),
  }
  return { streams: streamApi } as unknown as JetStreamManager
}

const options = resolveOptions({ shards: 2, replicas: 1 })

test('the first node creates all streams, and later ones create none', async () => {
  const streams = new Map<string, Partial<StreamConfig>>()
  await setUpStreams(serverWith(streams), options, undefined)
  assert.deepEqual([...streams.keys()], ['anax_0', 'anax_1', 'anax_nodes'])
  streams.delete('anax_1')
  await assert.rejects(setUpStreams(serverWith(streams), options, undefined), {
    code: 'ANAX_ERR_CLUSTER',
    message: /the stream anax_1 is missing: restore all streams of the same backup/,
  })
  assert.deepEqual([...streams.keys()], ['anax_0', 'anax_nodes'])
})

test('a first start that was interrupted is continued', async () => {
  const streams = new Map<string, Partial<StreamConfig>>()
  await setUpStreams(serverWith(streams), options, undefined)
  streams.delete('anax_1')
  streams.delete('anax_nodes')
  await setUpStreams(serverWith(streams), options, undefined)
  assert.equal(streams.size, 3)
})

test('only a node changes existing streams, and an export creates none', async () => {
  const streams = new Map<string, Partial<StreamConfig>>()
  await assert.rejects(setUpStreams(serverWith(streams), options, 'export'), { code: 'ANAX_ERR_CLUSTER' })
  assert.equal(streams.size, 0)
  await setUpStreams(serverWith(streams), options, 'import')
  const three = resolveOptions({ shards: 2, replicas: 3 })
  const replicas = () => [...streams.values()].map(({ num_replicas }) => num_replicas)
  for (const purpose of ['import', 'export'] as const) await setUpStreams(serverWith(streams), three, purpose)
  assert.deepEqual(replicas(), [1, 1, 1])
  await setUpStreams(serverWith(streams), three, undefined)
  assert.deepEqual(replicas(), [3, 3, 3])
})
