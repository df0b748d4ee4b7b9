/** The end of a stream whose peer does not read, over TCP. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { ConnectionStream, type StreamOwner } from '../../../lib/connection/stream/connection-stream.js'

const NOBODY: StreamOwner = {
  streamData() {},
  streamDrained() {},
  streamEnded() {},
  streamFailed() {},
  streamClosed() {},
}

/** More than the system buffers for one connection. */
const MUCH = Buffer.alloc(32 * 2 ** 20)

/** Writes to a peer that does not read. */
async function withFrozenClient(bytes: Buffer, body: (stream: ConnectionStream, client: Socket) => Promise<void>) {
  const server = net.createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const client = net.connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  const [socket] = (await once(server, 'connection')) as [Socket]
  try {
    socket.write(bytes)
    await body(new ConnectionStream(socket, NOBODY), client)
  } finally {
    client.destroy()
    server.close()
  }
}

describe('a connection that is destroyed', () => {
  it('is reset if unsent bytes are left, so that the operating system does not keep them', () =>
    withFrozenClient(MUCH, async (stream, client) => {
      stream.end('close')
      stream.giveUp()
      const failed = once(client.resume(), 'error')
      assert.equal(((await failed) as [NodeJS.ErrnoException])[0].code, 'ECONNRESET')
    }))

  it('is closed normally if the operating system has all bytes', () =>
    withFrozenClient(Buffer.from('all'), async (stream, client) => {
      stream.end('wait')
      stream.giveUp()
      await once(client.resume(), 'end')
    }))
})
