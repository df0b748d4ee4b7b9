/** Password hashes, and the check of what a client sends. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { passwordLine, Users } from '../../lib/cli/credentials.js'

describe('Users', () => {
  it('accepts the right password of a user in the file, also the second time', async () => {
    const users = new Users()
    const lines = [await passwordLine('alice', 'sécret'), await passwordLine('bob', 'other')]
    assert.equal(users.load(`# people\n\n${lines.join('\r\n')}\n`), undefined)
    for (let time = 0; time < 2; time++) {
      assert.equal(await users.accepts('alice', Buffer.from('sécret')), true)
      assert.equal(await users.accepts('bob', Buffer.from('other')), true)
      assert.equal(await users.accepts('alice', Buffer.from('other')), false)
      assert.equal(await users.accepts('carol', Buffer.from('other')), false)
      assert.equal(await users.accepts('alice', Buffer.alloc(0)), false)
    }
  })

  it('accepts a user whose password was given in plain text', async () => {
    const users = new Users()
    users.add('dave', 'pass:word')
    assert.equal(await users.accepts('dave', Buffer.from('pass:word')), true)
    assert.equal(await users.accepts('dave', Buffer.from('pass')), false)
  })

  it('hashes the same password differently each time, and never writes it down', async () => {
    const [first, second] = [await passwordLine('alice', 'secret'), await passwordLine('alice', 'secret')]
    assert.notEqual(first, second)
    assert.ok(!first.includes('secret'))
  })

  it('names the line that is not acceptable', async () => {
    const good = await passwordLine('alice', 'secret')
    for (const bad of [
      'alice:secret',
      'alice',
      ':',
      good.replace('N=16384', 'N=16385'),
      good.replace('N=16384', 'N=1073741824'),
      good.replace('r=8', 'r=0'),
      good.slice(0, -30),
    ]) {
      assert.equal(new Users().load(`${good}\n${bad}\n`), 2, bad)
    }
  })
})
