/** Access to the command's broker: files, tokens, certificates, all reloaded on SIGHUP. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { SignJWT } from 'jose'
import type { MqttClient } from 'mqtt'
import { hashPassword } from '../../lib/auth/index.js'
import { parseHash, verify } from '../../lib/auth/passwords/hashes.js'
import { parsePasswordFile } from '../../lib/auth/passwords/password-lines.js'
import { accessOf } from '../../lib/cli/broker/access.js'
import { CommandError } from '../../lib/cli/command-error.js'
import { changePassword } from '../../lib/cli/commands/passwd.js'
import { LineLogger } from '../../lib/cli/log/logger.js'
import { parseCommand } from '../../lib/cli/options/arguments.js'
import { connectClient } from '../support/clients/mqtt.js'
import { anax, startCommand } from '../support/programs/command.js'
import { Authority, withoutOpenssl } from '../support/tls/authority.js'
import { temporaryFolder } from '../support/tls/certificate.js'

const folder = temporaryFolder()
after(() => folder.remove())

describe('anax passwd', () => {
  it('makes, changes and deletes users, in the format of Mosquitto too', async () => {
    const file = join(folder.path, 'mixed')
    await anax(['passwd', file, 'alice'], 'one\n')
    await anax(['passwd', '--format', 'mosquitto', file, 'bob'], 'two\n')
    await anax(['passwd', '--format', 'argon2id', file, 'carol'], 'three\n')
    const formats = readFileSync(file, 'utf8')
      .split('\n')
      .map(line => line.split('$')[1])
    assert.deepEqual(formats, ['scrypt', '7', 'argon2id', undefined])
    assert.equal((await anax(['passwd', '--delete', file, 'alice'])).code, 0)
    assert.match((await anax(['passwd', '--delete', file, 'alice'])).stderr, /there is no user alice/)
    const users = readFileSync(file, 'utf8')
      .split('\n')
      .map(line => line.split(':'))
    assert.deepEqual(
      users.map(([name]) => name),
      ['bob', 'carol', ''],
    )
    assert.equal(await verify(parseHash(users[0]![1]!)!, Buffer.from('two')), true)
    assert.equal(await verify(parseHash(users[1]![1]!)!, Buffer.from('three')), true)
  })

  it('keeps the permissions of a file, and keeps a link', { skip: process.platform === 'win32' }, async () => {
    const file = folder.write('users-of-a-group', `bob:${await hashPassword('two', 'mosquitto')}\n`)
    const link = join(folder.path, 'link')
    symlinkSync(file, link)
    chmodSync(file, 0o640)
    if (process.getuid?.() === 0) chownSync(file, 1234, 1235)
    const before = statSync(file)
    await changePassword(link, 'bob', 'delete')
    const after = statSync(file)
    assert.deepEqual([after.mode, after.uid, after.gid], [before.mode, before.uid, before.gid])
    assert.equal(readFileSync(file, 'utf8'), '')
    assert.ok(lstatSync(link).isSymbolicLink())
  })

  it('writes a file that mosquitto_passwd can change', { skip: withoutPasswd() }, async () => {
    const file = join(folder.path, 'both')
    await anax(['passwd', '--format', 'mosquitto', file, 'alice'], 'one\n')
    assert.equal(spawnSync('mosquitto_passwd', ['-b', file, 'bob', 'two']).status, 0)
    const hashes = parsePasswordFile(readFileSync(file, 'utf8'), file)
    assert.equal(await verify(hashes.get('alice')!, Buffer.from('one')), true)
    assert.equal(await verify(hashes.get('bob')!, Buffer.from('two')), true)
  })
})

function withoutPasswd(): false | string {
  return spawnSync('mosquitto_passwd', ['-h']).error === undefined ? false : 'mosquitto_passwd is not installed'
}

/** Resolves with the reason code of DISCONNECT. */
function disconnected(client: MqttClient): Promise<number | undefined> {
  return new Promise(resolve => client.once('disconnect', ({ reasonCode }) => resolve(reasonCode)))
}

describe('the command', () => {
  it('reads users and rules again on SIGHUP, and keeps the old ones if a file is invalid', async () => {
    const alices = `alice:${await hashPassword('one', 'mosquitto')}\n`
    const users = folder.write('users', `${alices}bob:${await hashPassword('two', 'mosquitto')}\n`)
    const acl = folder.write('acl', 'user alice\ntopic a\nuser bob\ntopic a\n')
    const { process, urls } = await startCommand('--password-file', users, '--acl-file', acl)
    const enter = (username: string, password: string) =>
      connectClient(urls.mqtt!, { username, password, protocolVersion: 5 })
    const [alice, bob] = [await enter('alice', 'one'), await enter('bob', 'two')]
    bob.on('error', () => {})
    await alice.publishAsync('a', '', { qos: 1 })
    await assert.rejects(alice.publishAsync('b', '', { qos: 1 }))
    await process.says(/user "alice": publish "b" \(no-rule\)/)

    folder.write('acl', 'user alice\ntopic b\n')
    folder.write('users', alices)
    process.child.kill('SIGHUP')
    assert.equal(await disconnected(bob), 0x87)
    await alice.publishAsync('b', '', { qos: 1 })
    folder.write('acl', 'broken')
    process.child.kill('SIGHUP')
    await process.says(/what was read before stays in use err=.*acl line 1/)
    await alice.publishAsync('b', '', { qos: 1 })
    await alice.endAsync()
    await process.stop()
  })

  it('accepts clients with a token', async () => {
    const secret = '0123456789abcdef0123456789abcdef'
    const key = folder.write('secret', `${secret}\n`)
    const { process, urls } = await startCommand('--jwt-key', key, '--jwt-algorithms', 'HS256', '--jwt-issuer', 'us')
    const token = async (issuer: string) => {
      const made = new SignJWT({ sub: 'alice' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime('1h')
      return made.setIssuer(issuer).sign(Buffer.from(secret))
    }
    await (await connectClient(urls.mqtt!, { username: 'x', password: await token('us') })).endAsync()
    await assert.rejects(connectClient(urls.mqtt!, { username: 'x', password: await token('them') }))
    await process.stop()
  })

  it('accepts clients with a certificate', { skip: withoutOpenssl }, async () => {
    const authority = new Authority('Devices')
    const [server, device] = [authority.issue('/CN=localhost', 'DNS:localhost,IP:127.0.0.1'), authority.issue('/CN=d1')]
    const ca = folder.write('ca', authority.certificate)
    const files = ['--cert', folder.write('cert', server.cert), '--key', folder.write('key', server.key), '--ca', ca]
    const acl = folder.write('device-acl', 'user d1\ntopic a\n')
    const crl = folder.write('crl', authority.list())
    const access = ['--tls-identity', 'cn', '--tls-crl', crl, '--acl-file', acl, '--tls-port', '0']
    const { process, urls } = await startCommand(...files, ...access)
    const enter = () => connectClient(urls.mqtts!, { ...device, ca: authority.certificate, protocolVersion: 5 })
    const client = await enter()
    await client.publishAsync('a', '', { qos: 1 })
    await assert.rejects(client.publishAsync('b', '', { qos: 1 }))
    await assert.rejects(connectClient(urls.mqtt!), 'no certificate')
    authority.revoke(device)
    folder.write('crl', authority.list())
    client.on('error', () => {})
    process.child.kill('SIGHUP')
    assert.equal(await disconnected(client), 0x87)
    await assert.rejects(enter())
    authority.remove()
    await process.stop()
  })

  it('does not start with an invalid file, and names it', async () => {
    const broken = folder.write('broken', 'nonsense')
    const { code, stderr } = await anax(['--port', '0', '--memory', '--password-file', broken])
    assert.deepEqual([code, stderr], [1, `anax: ${broken}: line 1 is not a user and a hash\n`])
    for (const args of [
      ['--acl-file', broken, '--allow-anonymous'],
      ['--jwt-key', broken, '--jwt-algorithms', 'RS256'],
      ['--jwt-key', broken, '--jwt-algorithms', 'none'],
    ]) {
      const command = parseCommand(args)
      assert.ok(command.name === 'run')
      await assert.rejects(
        accessOf(command.settings.access, new LineLogger({ level: 'error', format: 'text' })),
        CommandError,
        args.join(' '),
      )
    }
  })
})
