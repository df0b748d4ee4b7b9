/**
 * Password hashes, files and verification: right, wrong, unknown and malformed; constant effort; bounded concurrency.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { hashPassword, passwordFile, scramCredentials } from '../../lib/auth/index.js'
import { HashQueue } from '../../lib/auth/passwords/hash-queue.js'
import { parseHash, verify } from '../../lib/auth/passwords/hashes.js'
import { PasswordAuthenticator } from '../../lib/auth/passwords/password-authenticator.js'
import { type Hashes, readEntries } from '../../lib/auth/passwords/password-lines.js'
import { FakeClock } from '../../lib/testing/fake-clock.js'
import type { Client } from '../../types/client/client.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { codeOf, denialsOf, enter, login, quickHash, withAuth } from './support.js'

const folder = temporaryFolder()
after(() => folder.remove())

/** Cheap enough for tests that compute many hashes. */
const QUICK = { alice: quickHash('wonderland'), bob: quickHash('builder') }

describe('a password hash', () => {
  for (const format of ['scrypt', 'argon2id', 'mosquitto'] as const) {
    it(`in the format ${format} accepts its password and no other, and is different each time`, async () => {
      const text = await hashPassword('sécret', format)
      assert.notEqual(text, await hashPassword('sécret', format))
      const hash = parseHash(text)!
      assert.equal(await verify(hash, Buffer.from('sécret')), true)
      for (const wrong of ['secret', 'sécret ', '', 'se\u0301cret'])
        assert.equal(await verify(hash, Buffer.from(wrong)), false)
    })
  }

  it('for Mosquitto has a salt of 12 bytes, the only length that Mosquitto 2.0 accepts', async () => {
    const [, , , salt] = (await hashPassword('secret', 'mosquitto')).split('$')
    assert.equal(Buffer.from(salt!, 'base64').length, 12)
  })

  it('of other programs can be read: Mosquitto 1.6, 2.0 and 2.1, PHC strings with and without padding', async () => {
    const known = [
      // mosquitto_passwd 2.0.11
      '$7$101$6iFz2xZqLiFTABL4$Gmaa7TQe32s5669L1QIFUTF4CUKDYrEcVRS1d7TYbp9GB5O992sZAVDOfxnEAn3IDx8cDKlHIIMl4/oWBrYsXw==',
      quickHash('secret'),
      await hashPassword('secret'),
      `$scrypt$N=16384,r=8,p=1${(await hashPassword('secret')).replace(/^\$scrypt\$ln=14,r=8,p=1/, '')}`,
    ]
    for (const text of known) assert.equal(await verify(parseHash(text)!, Buffer.from('secret')), true, text)
  })

  it('of Mosquitto may have a salt of any length: 2.1 uses 64 bytes, and 1000 rounds', async () => {
    const salt = randomBytes(64)
    const key = pbkdf2Sync('secret', salt, 1000, 64, 'sha512')
    const hash = parseHash(`$7$1000$${salt.toString('base64')}$${key.toString('base64')}`)!
    assert.equal(await verify(hash, Buffer.from('secret')), true)
    assert.equal(await verify(hash, Buffer.from('Secret')), false)
  })

  it('with argon2id is the same as that of the reference implementation', async () => {
    // argon2 -id -t 2 -k 256 -p 1 of "password", salt "somesalt"
    const text = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    assert.equal(await verify(parseHash(text)!, Buffer.from('password')), true)
    assert.equal(await verify(parseHash(text)!, Buffer.from('Password')), false)
  })

  it('that is malformed, or too expensive to check, is refused', () => {
    const scrypt = `$scrypt$ln=14,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
    const argon = `$argon2id$v=19$m=256,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`
    assert.ok(parseHash(scrypt) && parseHash(argon))
    for (const text of [
      '',
      'secret',
      scrypt.replace('ln=14', 'ln=30'),
      scrypt.replace('ln=14', 'N=16385'),
      scrypt.replace('r=8', 'r=0'),
      scrypt.replace('p=1', 'p=2000'),
      scrypt.slice(0, -30),
      `${scrypt}$`,
      argon.replace('m=256', 'm=99999999'),
      argon.replace('t=2', 't=0'),
      argon.replace('argon2id', 'argon2i'),
      argon.replace('v=19', 'v=16'),
      '$7$0$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      '$7$99999999$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
      '$5$AAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    ]) {
      assert.equal(parseHash(text), undefined, text)
    }
  })
})

describe('passwordFile', () => {
  it('accepts users of a file with their passwords, and no others', async () => {
    const lines = ['# people', '', ` alice : ${QUICK.alice} :what follows is ignored:`, `bob:${QUICK.bob}\r`]
    const auth = passwordFile(folder.write('users.txt', lines.join('\n')))
    const denials = denialsOf(auth)
    await withAuth(auth, async broker => {
      assert.equal(await codeOf(broker, { username: 'alice', password: 'wonderland' }), 0)
      assert.equal(await codeOf(broker, { username: 'bob', password: 'builder' }), 0)
      assert.equal(await codeOf(broker, { username: 'alice', password: 'builder' }), 0x86)
      assert.equal(await codeOf(broker, { username: 'carol', password: 'builder' }), 0x86)
      assert.equal(await codeOf(broker, { username: 'alice' }), 0x86)
      assert.equal(await codeOf(broker, {}), 0x86)
      assert.equal(await codeOf(broker, { username: 'alice', password: 'builder', version: 4 }), 4)
    })
    assert.deepEqual(denials, [
      'connect wrong-password',
      'connect unknown-user',
      'connect wrong-password',
      'connect no-credentials',
      'connect wrong-password',
    ])
  })

  it('compares names exactly: prototypes, look-alikes, white space', async () => {
    await withAuth(passwordFile(QUICK), async broker => {
      for (const username of ['constructor', '__proto__', 'toString', 'Alice', 'аlice', 'alice ', '\u200balice', '']) {
        assert.equal(await codeOf(broker, { username, password: 'wonderland' }), 0x86, username)
      }
      assert.equal(await codeOf(broker, { username: 'alice', password: Buffer.alloc(60_000, 'x') }), 0x86)
      assert.equal(await codeOf(broker, { username: 'alice', password: 'wonderland\0' }), 0x86)
    })
  })

  it('accepts nobody without a password, whatever the hash, and creates no hash of an empty password', async () => {
    await withAuth(passwordFile({ alice: quickHash('') }), async broker => {
      assert.equal(await codeOf(broker, { username: 'alice', password: '' }), 0x86)
      assert.equal(await codeOf(broker, { username: 'alice' }), 0x86)
    })
    for (const made of [hashPassword(''), scramCredentials(''), scramCredentials('\u00ad')]) {
      await assert.rejects(made, { code: 'ANAX_ERR_OPTION' })
    }
  })

  it('does not tell a client whether name or password was wrong', async () => {
    await withAuth(passwordFile(QUICK), async broker => {
      const answers = await Promise.all(
        ['alice', 'carol'].map(async username => {
          const { connack } = await login(broker, { username, clientId: 'x', password: 'x' })
          return connack
        }),
      )
      assert.deepEqual(answers[0], answers[1])
    })
  })

  it('refuses invalid sources, and says where the error is', () => {
    for (const bad of ['alice:secret', 'alice', ':', `:${QUICK.alice}`, 'alice:$7$', 'user alice']) {
      const file = folder.write('bad.txt', `bob:${QUICK.bob}\n${bad}\n`)
      assert.throws(() => passwordFile(file), { code: 'ANAX_ERR_OPTION', message: /line 2 / }, bad)
    }
    assert.throws(() => passwordFile('/nowhere/users.txt'), { code: 'ANAX_ERR_OPTION', message: /cannot read/ })
    assert.throws(() => passwordFile({ alice: 'wonderland' }), { code: 'ANAX_ERR_OPTION', message: /alice/ })
    assert.throws(() => passwordFile(QUICK, { maxWaiting: 0 }), { code: 'ANAX_ERR_OPTION' })
    assert.throws(() => passwordFile(QUICK, { rememberMs: -1 }), { code: 'ANAX_ERR_OPTION' })
  })

  it('reads what mosquitto_passwd writes, and it reads what is written here', { skip: withoutPasswd() }, async () => {
    const file = folder.write('mosquitto.txt', '')
    for (const [hash, user] of [
      ['sha512', 'old'],
      ['sha512-pbkdf2', 'new'],
    ] as const) {
      assert.equal(spawnSync('mosquitto_passwd', ['-H', hash, '-b', file, user, 'secret']).status, 0)
    }
    await withAuth(passwordFile(file), async broker => {
      for (const username of ['old', 'new']) {
        assert.equal(await codeOf(broker, { username, password: 'secret' }), 0)
        assert.equal(await codeOf(broker, { username, password: 'other' }), 0x86)
      }
    })
  })

  it('disconnects, at a reload, users that were deleted or have a new password, with 0x87 and no will; a bad file changes nothing', async () => {
    const file = folder.write('changing.txt', `alice:${QUICK.alice}\nbob:${QUICK.bob}\n`)
    const auth = passwordFile(file)
    await withAuth(auth, async broker => {
      const will = { topic: 'will', payload: Buffer.from('gone'), qos: 0 as const, retain: false }
      const alice = await enter(broker, { username: 'alice', password: 'wonderland', packet: { will } })
      const bob = await enter(broker, { username: 'bob', password: 'builder' })
      await bob.subscribe({ topic: 'will', qos: 0 })
      folder.write('changing.txt', 'alice:broken\n')
      await assert.rejects(auth.reload(), { code: 'ANAX_ERR_OPTION', message: /line 1 / })
      await alice.expectNothing()
      assert.equal(await codeOf(broker, { username: 'alice', password: 'wonderland', clientId: 'second' }), 0)
      folder.write('changing.txt', `alice:${quickHash('other')}\nbob:${QUICK.bob}\n`)
      await auth.reload()
      await alice.expectDisconnect(0x87)
      await bob.expectNothing()
      assert.equal(await codeOf(broker, { username: 'alice', password: 'wonderland' }), 0x86)
      assert.equal(await codeOf(broker, { username: 'alice', password: 'other' }), 0)
    })
  })
})

function withoutPasswd(): false | string {
  return spawnSync('mosquitto_passwd', ['-h']).error === undefined ? false : 'mosquitto_passwd is not installed'
}

describe('checking passwords', () => {
  const clock = new FakeClock()
  const client = (closed = false) => ({ closed }) as Client

  function make(entries: Record<string, string> = QUICK, limits = {}) {
    const read = (): Hashes => readEntries(Object.entries(entries))
    return new PasswordAuthenticator({
      name: 'users',
      clock,
      rememberMs: 60_000,
      addressOf: () => 'here',
      read,
      ...limits,
    })
  }

  async function ask(checks: PasswordAuthenticator, username: string, password: string) {
    const attempt = { client: client(), username, password: Buffer.from(password) }
    const outcome = await checks.authenticate(attempt)
    if (outcome === undefined) await checks.decoy(attempt)
    return outcome
  }

  it('costs one hash for a wrong password and for an unknown user, of the same cost', async () => {
    const checks = make()
    await ask(checks, 'alice', 'wrong')
    assert.equal(checks.work, 1)
    await ask(checks, 'carol', 'wrong')
    assert.equal(checks.work, 2)
  })

  it('needs no hash for a password that was correct a short while ago: its digest is remembered', async () => {
    const checks = make()
    for (let time = 0; time < 3; time++) assert.ok(await ask(checks, 'alice', 'wonderland'))
    assert.equal(checks.work, 1)
    await ask(checks, 'alice', 'wrong')
    assert.equal(checks.work, 2)
    await clock.advance(60_001)
    await ask(checks, 'alice', 'wonderland')
    assert.equal(checks.work, 3)
    checks.reload()
    await ask(checks, 'alice', 'wonderland')
    assert.equal(checks.work, 4)
  })

  it('needs no hash for a client that has disconnected', async () => {
    const checks = make()
    const outcome = await checks.authenticate({
      client: client(true),
      username: 'alice',
      password: Buffer.from('wonderland'),
    })
    assert.ok(outcome !== undefined && 'denied' in outcome)
  })

  it('is limited for an address with wrong passwords: further attempts are refused with 0x89', async () => {
    const checks = make(QUICK, { maxPerAddress: 3, concurrency: 1 })
    const outcomes = await Promise.all(Array.from({ length: 9 }, (_, i) => ask(checks, 'alice', `wrong ${i}`)))
    const codes = outcomes.map(outcome => outcome && 'denied' in outcome && outcome.denied)
    // three are computed until the result is known; then two more follow
    const isComputed = (_: unknown, i: number) => (i < 5 ? 'wrong-password' : 'too-many-attempts')
    assert.deepEqual(codes, Array.from({ length: 9 }, isComputed))
    assert.equal(checks.work, 5)
  })

  it('accepts hundreds of devices behind one address at once, even with some wrong passwords among them', async () => {
    const users = Array.from({ length: 200 }, (_, i) => `device ${i}`)
    const checks = make(Object.fromEntries(users.map(name => [name, quickHash(name)])))
    const outcomes = await Promise.all(users.map((name, i) => ask(checks, name, i % 20 === 7 ? 'wrong' : name)))
    const accepted = outcomes.filter(outcome => outcome !== undefined && !('denied' in outcome))
    assert.equal(accepted.length, 190)
  })

  it('costs one hash for a user that all devices behind one address share, and refuses none of them', async () => {
    const checks = make(QUICK, { maxPerAddress: 3, concurrency: 1 })
    const outcomes = await Promise.all(Array.from({ length: 1000 }, () => ask(checks, 'alice', 'wonderland')))
    assert.ok(outcomes.every(outcome => outcome !== undefined && !('denied' in outcome)))
    assert.equal(checks.work, 1)
  })

  it('costs one hash as well if they have addresses of their own', async () => {
    let number = 0
    const checks = make(QUICK, { concurrency: 1, addressOf: () => `192.0.2.${number++}` })
    const outcomes = await Promise.all(Array.from({ length: 200 }, () => ask(checks, 'alice', 'wonderland')))
    assert.ok(outcomes.every(outcome => outcome !== undefined && !('denied' in outcome)))
    assert.equal(checks.work, 1)
  })

  it('costs one hash for a wrong password that is sent many times at once, of a known and of an unknown user', async () => {
    for (const username of ['alice', 'carol']) {
      const checks = make()
      await Promise.all(Array.from({ length: 50 }, () => ask(checks, username, 'wrong')))
      assert.equal(checks.work, 1)
    }
  })

  it('goes on for the others if the first of those that share a check has gone', async () => {
    const checks = make(QUICK, { concurrency: 1 })
    const busy = ask(checks, 'bob', 'builder')
    const first = { closed: false }
    const attempt = (by: { closed: boolean }) =>
      checks.authenticate({ client: by as Client, username: 'alice', password: Buffer.from('wonderland') })
    const outcomes = [attempt(first), attempt({ closed: false })]
    first.closed = true
    const accepted = (await Promise.all(outcomes))[1]
    assert.ok(accepted !== undefined && !('denied' in accepted))
    await busy
  })

  it('refuses unknown and known users in the same way if the queue is full', async () => {
    const checks = make(QUICK, { maxWaiting: 1, maxPerAddress: 1, concurrency: 1 })
    const attempt = (username: string, password: string) => {
      return { client: client(), username, password: Buffer.from(password) }
    }
    const first = checks.authenticate(attempt('alice', 'wrong'))
    const known = await checks.authenticate(attempt('alice', 'wrong as well'))
    assert.deepEqual(await checks.decoy(attempt('carol', 'wrong')), known)
    assert.ok(known !== undefined && 'denied' in known && known.denied === 'too-many-attempts')
    await first
  })
})

describe('the queue of hashes', () => {
  it('serves addresses in turns, respects its limits, and continues after a failure', async () => {
    const queue = new HashQueue({ concurrency: 1, maxWaiting: 4, maxPerAddress: 3 }, () => 0)
    const done: string[] = []
    const job = (name: string) => async () => {
      done.push(name)
      if (name === 'a1') throw new Error('broken')
      return true
    }
    const first = queue.run('a', job('a1'))
    const rest = [
      queue.run('a', job('a2')),
      queue.run('a', job('a3')),
      queue.run('b', job('b1')),
      queue.run('c', job('c1')),
    ]
    assert.equal(queue.run('a', job('a4')), undefined)
    assert.equal(queue.run('d', job('d1')), undefined)
    await assert.rejects(first!, /broken/)
    await Promise.all(rest)
    assert.deepEqual(done, ['a1', 'a2', 'b1', 'c1', 'a3'])
    await queue.run('a', job('a5'))
    assert.equal(queue.done, 6)
  })

  it('keeps those of one address that can be checked in time, and refuses the others immediately', async () => {
    let now = 0
    const queue = new HashQueue({ concurrency: 1, maxWaiting: 400, maxPerAddress: 3 }, () => now)
    const check = async () => {
      now += 500
      return true
    }
    const answers = await Promise.all(Array.from({ length: 100 }, () => queue.run('a', check)))
    // 5 seconds are enough for ten: the first ones, and those that wait
    assert.equal(answers.filter(answer => answer === true).length, 10)
  })

  it('refuses clients that would have to wait for too long, whatever their addresses', async () => {
    let now = 0
    const queue = new HashQueue({ concurrency: 1 }, () => now)
    const check = async () => {
      await nextTurn()
      now += 1000
      return true
    }
    const attempts = Array.from({ length: 30 }, (_, i) => queue.run(`address ${i % 15}`, check))
    const answers = await Promise.all(attempts)
    assert.deepEqual(
      answers.flatMap((answer, i) => (answer === true ? [i] : [])),
      [0, 1, 2, 3, 4, 5, 6, 7],
    )
    assert.deepEqual([...new Set(answers.slice(8))], [undefined])
    assert.equal(await queue.run('address 1', check), true)
  })
})
