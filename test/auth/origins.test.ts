/** Modules for transports, listeners and ports: which one decides about a client that has disconnected. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, describe, it } from 'node:test'
import { type Auth, aclFile, allow, anonymous, byListener, byPort, byTransport, compose } from '../../lib/auth/index.js'
import { publishText, receiveTexts } from '../support/clients/exchange.js'
import { SpecClient } from '../support/clients/spec-client.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { denialsOf, enter, withAuth } from './support.js'

const folder = temporaryFolder()
after(() => folder.remove())

const open = (publish: string) => compose([anonymous(), aclFile({ everyone: [allow({ publish, subscribe: '#' })] })])

describe('a will after its socket was closed', () => {
  const puts: [string, (port: number) => Auth][] = [
    ['transport', () => byTransport({ tcp: open('tcp/#'), stream: open('stream/#'), unix: open('unix/#') })],
    ['port', port => byPort({ [port]: open('tcp/#') })],
  ]
  for (const [name, put] of puts) {
    it(`is checked by the module of the ${name} to which its client connected`, async () => {
      const server = createServer().listen(0, '127.0.0.1')
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const auth = put(port)
      const denials = denialsOf(auth)
      await withAuth(auth, async broker => {
        server.on('connection', broker.handle)
        const ends: Promise<unknown>[] = []
        for (const topic of ['tcp/a', 'stream/b']) {
          const socket = connect(port, '127.0.0.1')
          const client = new SpecClient(broker, 5, socket)
          await client.connect({ clientId: topic, will: { topic, payload: Buffer.from('x'), qos: 0, retain: false } })
          ends.push(new Promise(resolve => broker.clients[topic]!.once('close', () => resolve(topic))))
          socket.destroy()
        }
        await Promise.all(ends)
      })
      server.close()
      assert.deepEqual(denials, ['publish no-rule stream/b'])
    })
  }
})

describe('a retained message, if listeners have their own modules', () => {
  it('is withheld if none of them would let its publisher write there', async () => {
    const staff = folder.write('staff', 'topic readwrite staff/#\ntopic readwrite old/#\ntopic read #\n')
    const guests = folder.write('guests', 'topic readwrite guests/#\ntopic readwrite old/#\ntopic read #\n')
    const module = (path: string) => compose([anonymous(), aclFile(path)])
    const auth = byListener({ staff: module(staff), guests: module(guests) })
    await withAuth(auth, async broker => {
      const from = (listener: string) => ({
        handle: (stream: Duplex) => broker.handle(stream, undefined, { listener }),
      })
      const [worker, guest] = [
        await enter(from('staff'), { clientId: 'worker' }),
        await enter(from('guests'), { clientId: 'guest' }),
      ]
      await publishText(worker, 'staff/a', 'staff', { retain: true })
      await publishText(worker, 'old/a', 'old', { retain: true })
      await publishText(guest, 'guests/a', 'guests', { retain: true })
      folder.write('staff', 'topic readwrite staff/#\ntopic read #\n')
      folder.write('guests', 'topic readwrite guests/#\ntopic read #\n')
      await auth.reload()
      await guest.subscribe({ topic: '#', qos: 0 })
      assert.deepEqual((await receiveTexts(guest)).sort(), ['guests', 'staff'])
    })
  })
})
