/** The examples of clusters run on real servers: one process per core on one port, and a site that is a leaf of the cloud. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { connectClient, nextMessage } from '../support/clients/mqtt.js'
import { effort } from '../support/effort.js'
import { RunningProcess } from '../support/programs/command.js'
import { NatsServers, NatsSites, NO_NATS, natsServer, type SiteKind } from '../support/programs/nats.js'
import { ROOT } from '../support/root.js'

const skip = natsServer === undefined ? NO_NATS : effort === 'fast' && 'real servers are for npm test'

describe('examples of clusters', { skip }, () => {
  const stops: (() => Promise<void>)[] = []
  after(async () => {
    for (const stop of stops.reverse()) await stop()
  })

  function start(name: string, env: Record<string, string>): RunningProcess {
    const file = join(ROOT, 'dist/examples/cluster', `${name}.js`)
    const example = new RunningProcess(process.execPath, [file], { ...process.env, ...env })
    stops.push(async () => void (await example.stop('SIGTERM')))
    return example
  }

  /** What a client of one URL publishes reaches one of the other, and its session is there. */
  async function exchange(one: string, other: string): Promise<void> {
    const subscriber = await connectClient(one, { clientId: 'subscriber' })
    await subscriber.subscribeAsync('hello/#', { qos: 1 })
    const message = nextMessage(subscriber)
    const publisher = await connectClient(other, { clientId: 'publisher' })
    await publisher.publishAsync('hello/world', 'hi', { qos: 1 })
    assert.equal((await message).payload.toString(), 'hi')
    await Promise.all([subscriber.endAsync(), publisher.endAsync()])
  }

  it('several processes on one port', async () => {
    const servers = await NatsServers.start(1)
    stops.push(() => servers.stop())
    const example = start('processes', { PORT: '0', PROCESSES: '2', NATS: servers.urls[0]! })
    for (const id of ['process-0', 'process-1']) await example.says(new RegExp(id))
    const [url] = await example.says(/mqtt:\/\/\S+/)
    await exchange(url, url)
  })

  for (const kind of ['leaf node', 'gateway'] as const satisfies SiteKind[]) {
    it(`a site and the cloud, by ${kind}`, {
      skip: kind === 'gateway' && effort !== 'full' && 'gateways are for the full run',
    }, async () => {
      const sites = await NatsSites.start(kind)
      stops.push(() => sites.stop())
      const domain = kind === 'gateway' && { DOMAIN: 'none' }
      const env = { CLOUD: sites.cloud, SITE: sites.site, CLOUD_PORT: '0', SITE_PORT: '0', ...domain }
      const example = start('sites', env)
      const [, cloud] = await example.says(/cloud: (\S+)/)
      const [, site] = await example.says(/site: (\S+)/)
      await exchange(cloud!, site!)
      await exchange(site!, cloud!)
    })
  }
})
