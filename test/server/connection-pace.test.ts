/** Listeners begin few TLS handshakes and upgrades in one turn of the event loop, however many connections come. */
import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { ConnectionPace } from '../../lib/server/connection-pace.js'

const COUNT = 100

test('simultaneous connections are passed on in order over several turns, except those that have ended', async () => {
  const pace = new ConnectionPace()
  const passed: Socket[] = []
  const sockets = Array.from({ length: COUNT }, () => new Socket())
  for (const socket of sockets) pace.pass(socket, each => passed.push(each))
  const broken = sockets[COUNT - 2]!
  broken.destroy(new Error('reset'))
  const perTurn = [passed.length]
  while (passed.length < COUNT - 1) {
    const before = passed.length
    await new Promise(resolve => setImmediate(resolve))
    perTurn.push(passed.length - before)
  }
  assert(Math.max(...perTurn) <= COUNT / 4, `${perTurn}`)
  assert.deepEqual(
    passed.map(socket => sockets.indexOf(socket)),
    [...sockets.keys()].filter(index => sockets[index] !== broken),
  )
  for (const socket of sockets) assert.equal(socket.listenerCount('error'), 0)
})

test('a single connection is passed on immediately', () => {
  let passed = 0
  new ConnectionPace().pass(new Socket(), () => passed++)
  assert.equal(passed, 1)
})
