/** The in-memory pair behaves like a socket: order, back-pressure, half and full close. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { duplexPair } from '../../lib/testing/index.js'

describe('duplexPair', () => {
  it('carries bytes both ways, in order', async () => {
    const [left, right] = duplexPair()
    left.write('a')
    left.write('b')
    right.write('c')
    assert.equal(String((await once(right, 'data'))[0]), 'a')
    assert.equal(String((await once(right, 'data'))[0]), 'b')
    assert.equal(String((await once(left, 'data'))[0]), 'c')
  })

  it('does not call the reader during a write', () => {
    const [left, right] = duplexPair()
    right.on('data', () => assert.fail('called at once'))
    left.write('a')
    right.removeAllListeners('data')
  })

  it('makes the writer wait until the reader reads', async () => {
    const [left, right] = duplexPair()
    const chunk = Buffer.alloc(64 * 1024)
    while (left.write(chunk));
    await turn()
    await turn()
    assert.ok(left.writableLength > 0, 'something waits')
    right.resume()
    await once(left, 'drain')
    assert.equal(left.writableLength, 0)
  })

  it('ends the other end, which closes too', async () => {
    const [left, right] = duplexPair()
    const closed = Promise.all([once(left, 'close'), once(right, 'close')])
    let received = ''
    right.on('data', chunk => {
      received += chunk
    })
    left.resume()
    left.end('last words')
    await closed
    assert.equal(received, 'last words')
  })

  it('is closed at both ends when one is destroyed', async () => {
    const [left, right] = duplexPair()
    right.resume()
    const closed = once(right, 'close')
    left.destroy()
    await closed
    assert.ok(right.destroyed)
  })

  it('completes writes to an end that is closed', async () => {
    const [left, right] = duplexPair()
    right.destroy()
    await new Promise(resolve => left.write('nobody reads this', resolve))
    left.destroy()
  })
})
