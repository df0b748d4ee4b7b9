/** The command line: its options, and the messages for wrong ones. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { greeting } from '../../lib/cli/broker/greeting.js'
import { CommandError } from '../../lib/cli/command-error.js'
import { parseCommand } from '../../lib/cli/options/arguments.js'
import { OPTIONS } from '../../lib/cli/options/options.js'
import { demandsIdentity, type Settings } from '../../lib/cli/options/settings.js'
import { USAGE } from '../../lib/cli/options/usage.js'
import { temporaryFolder } from '../support/tls/certificate.js'

describe('the command line', () => {
  const folder = temporaryFolder()
  after(() => folder.remove())

  it('is documented: --help has every option, and nothing else', () => {
    const explained = [...USAGE.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name)
    assert.deepEqual(explained.sort(), Object.keys(OPTIONS).sort())
    assert.ok(USAGE.split('\n').every(line => line.length <= 100))
  })

  it('listens on this machine, plain and over WebSocket, without options', () => {
    const { host, ports, unix, data, access, log } = settingsOf()
    assert.deepEqual(ports, { tcp: 1883, ws: 8083, tls: undefined, wss: undefined })
    const { allowAnonymous } = access
    assert.deepEqual(
      [host, unix, data, allowAnonymous, log.level, log.format],
      [...['127.0.0.1', undefined, 'anax-data', false, 'info', 'text']],
    )
  })

  it('sets how the store is verified', () => {
    assert.equal(settingsOf().verify, 'quick')
    assert.equal(settingsOf('--verify', 'full').verify, 'full')
    assert.throws(() => settingsOf('--verify', 'yes'), /--verify takes quick, full, off/)
  })

  it('turns listeners on and off', () => {
    const pair = ['--cert', 'c.pem', '--key', 'k.pem']
    assert.deepEqual(settingsOf('--port', 'off', '--ws-port', '0').ports.tcp, undefined)
    assert.equal(settingsOf(...pair).ports.tls, 8883)
    assert.equal(settingsOf(...pair, '--tls-port', 'off').ports.tls, undefined)
    assert.deepEqual(settingsOf(...pair, '--wss-port', '8084').ports, {
      tcp: 1883,
      ws: 8083,
      tls: undefined,
      wss: 8084,
    })
  })

  it('accepts limits', () => {
    const { limits } = settingsOf('--max-packet-size', '1024', '--max-session-expiry', '0')
    assert.deepEqual(limits, { maxPacketSize: 1024, maxSessionExpiry: 0 })
  })

  it('sets which listeners need authentication', () => {
    const certificates = ['--cert', 'c.pem', '--key', 'k.pem', '--ca', 'a.pem']
    const only = ['--port', 'off', '--ws-port', 'off']
    assert.equal(demandsIdentity(settingsOf()), false)
    assert.equal(demandsIdentity(settingsOf('--user', 'alice:secret')), true)
    assert.equal(demandsIdentity(settingsOf('--user', 'alice:secret', '--allow-anonymous')), false)
    assert.equal(demandsIdentity(settingsOf('--jwt-key', 'k', '--jwt-algorithms', 'RS256')), true)
    assert.equal(demandsIdentity(settingsOf(...certificates)), false, 'the plain port accepts anybody')
    assert.equal(demandsIdentity(settingsOf(...certificates, ...only)), true)
    assert.equal(demandsIdentity(settingsOf(...certificates, ...only, '--unix', '/tmp/x.sock')), false)
  })

  it('prints at start who may connect', () => {
    const told = (...args: string[]) => {
      const parts = {
        addresses: [],
        node: 'n',
        store: 'memory',
        admin: undefined,
        metrics: undefined,
        health: undefined,
      }
      return /Access +(.*)/.exec(greeting(settingsOf(...args), parts))?.[1]
    }
    assert.equal(told(), 'for everybody who can reach it')
    assert.equal(told('--user', 'alice:secret'), 'for users who show who they are')
    const both = 'for users who show who they are, and for clients without a user name'
    assert.equal(told('--user', 'alice:secret', '--allow-anonymous'), both)
    assertWrong(['--user', 'alice:'], /NAME:PASSWORD/)
  })

  it('refuses to listen on public addresses without authentication', () => {
    for (const host of ['0.0.0.0', '::', '192.168.1.1', 'example.com', '127.evil.example']) {
      assertWrong(['--host', host], /everybody could connect/)
      assert.equal(settingsOf('--host', host, '--allow-anonymous').host, host)
      assert.equal(settingsOf('--host', host, '--password-file', 'users').host, host)
    }
    for (const host of ['localhost', '::1', '127.0.0.2']) assert.equal(settingsOf('--host', host).host, host)
  })

  it('keeps colons in a password', () => {
    assert.deepEqual(settingsOf('--user', 'a:b:c', '--user', 'd::').access.users, [
      { name: 'a', password: 'b:c' },
      { name: 'd', password: ':' },
    ])
  })

  it('has every option of a cluster', () => {
    assert.deepEqual(settingsOf('--cluster', 'a:1,b:2').cluster, { options: { servers: ['a:1', 'b:2'] }, files: {} })
    const texts = '--cluster-replicas 1 --cluster-shards 2 --cluster-prefix p --cluster-domain d --cluster-sync always'
    const numbers = '--cluster-log-seconds 60 --cluster-max-shard-bytes 1000'
    const files = '--cluster-credentials c.creds --cluster-ca ca.pem --cluster-cert c.pem --cluster-key k.pem'
    const options = {
      replicas: 1,
      shards: 2,
      prefix: 'p',
      domain: 'd',
      sync: 'always',
      logSeconds: 60,
      maxShardBytes: 1000,
    }
    assert.deepEqual(settingsOf('--cluster', 'a:1', ...`${texts} ${numbers} ${files}`.split(' ')).cluster, {
      options: { servers: ['a:1'], ...options },
      files: { credentials: 'c.creds', ca: 'ca.pem', cert: 'c.pem', key: 'k.pem' },
    })
  })

  it('prints the error, and exits with 2', () => {
    assertWrong(['--nonsense'], /^unknown option '--nonsense'/)
    assertWrong(['--port'], /'--port <value>' argument missing/)
    assertWrong(['--port', 'x'], /^--port takes a number from 0 to 65535, not 'x'/)
    assertWrong(['--ws-port', '65536'], /^--ws-port takes a number/)
    assertWrong(['--max-packet-size', '-1'], /./)
    assertWrong(['--presence', 'on'], /^--presence takes state, emqx, aws or off, not 'on'/)
    assertWrong(['--log-format', 'xml'], /^--log-format takes text, json, not 'xml'/)
    assertWrong(['--log-level', 'loud'], /^--log-level takes error, warn, info, debug, not 'loud'/)
    assertWrong(['--user', 'alice'], /^--user takes NAME:PASSWORD/)
    assertWrong(['--cert', 'c.pem'], /both --cert and --key/)
    assertWrong(['--tls-port', '8883'], /need --cert and --key/)
    assertWrong(['--port', 'off', '--ws-port', 'off'], /all listeners are off/)
    assertWrong(['--memory', '--data', 'x'], /exclude each other/)
    assertWrong(['--cluster', 'a:1', '--data', 'x'], /replaces/)
    assertWrong(['--cluster', 'a:1', '--cluster-replicas', '2'], /1, 3 or 5/)
    assertWrong(['--cluster-replicas', '3'], /^--cluster-replicas needs --cluster/)
    assertWrong(
      ['--cluster', 'a:1', '--cluster-sync', 'never'],
      /^--cluster-sync takes interval or always, not 'never'/,
    )
    assertWrong(['--cluster', 'a:1', '--cluster-shards', '65'], /^--cluster-shards takes a number from 1 to 64/)
    assertWrong(['--cluster', 'a:1', '--cluster-prefix', 'a.b'], /^--cluster-prefix has to be 1 to 32 of/)
    assertWrong(['--cluster', 'a:1', '--id', 'a b'], /^--id of a node takes 1 to 64 of/)
    assertWrong(['--cluster', 'http://a:1'], /^--cluster has to be host:port/)
    assertWrong(['--cluster', 'a:1', '--cluster-key', 'key.pem'], /^--cluster-cert and --cluster-key need each other/)
    assertWrong(['--data', ''], /^--data must not be empty/)
    assertWrong(['--host', ''], /^--host must not be empty/)
    assertWrong(['dance'], /^unknown command 'dance'/)
    assertWrong(['passwd', 'file'], /^passwd takes a file and a name/)
    assertWrong(['passwd', '--format', 'md5', 'file', 'bob'], /^--format takes scrypt, argon2id, mosquitto, not 'md5'/)
    assertWrong(['passwd', '--delete', '--format', 'scrypt', 'file', 'bob'], /^--delete needs no --format/)
    assertWrong(['--port', '1', 'passwd', 'file', 'bob'], /^passwd comes first/)
    assertWrong(['--proxy-protocol'], /^--proxy-protocol needs --trusted-proxies/)
    assertWrong(['--acl-file', 'acl.txt'], /^--acl-file needs to know who clients are/)
    assertWrong(['--jwt-issuer', 'us'], /^--jwt-issuer needs --jwt-key or --jwt-jwks/)
    assertWrong(['--jwt-key', 'key.pem'], /need --jwt-algorithms/)
    assertWrong(['--jwt-key', 'k', '--jwt-algorithms', 'RS256', '--jwt-from', 'cookie'], /^--jwt-from takes/)
    assertWrong(['--tls-identity', 'cn'], /^--tls-identity needs --ca/)
    assertWrong(['--tls-identity', 'dn'], /^--tls-identity takes cn, dns/)
    assertWrong(['--tls-crl', 'crl.pem'], /^--tls-crl needs --tls-identity/)
  })

  it('suggests an option for a typing error or an option of Mosquitto', () => {
    for (const [given, meant] of [
      ['--max-conections', 'max-connections'],
      ['--max-connection=5', 'max-connections'],
      ['--ws_port', 'ws-port'],
      ['--passwordfile', 'password-file'],
      ['-p', 'port'],
      ['-v', 'log-level'],
      ['--cafile', 'ca'],
    ]) {
      assertWrong([given!], new RegExp(`^unknown option '${given!.split('=')[0]}': did you mean '--${meant}'\\?`))
    }
    for (const unlike of ['--x', '-z', '--constructor', '--dance']) assertWrong([unlike], /^unknown option '[\w-]+'\n/)
  })

  it('reads a file with the same option names, which the command line overrides', () => {
    const file = folder.write(
      'anax.json',
      '{ "port": 2883, "ws-port": "off", "allow-anonymous": true, "user": ["a:b"] }',
    )
    const settings = settingsOf('--config', file, '--port', '3883')
    assert.deepEqual([settings.ports.tcp, settings.ports.ws, settings.access.allowAnonymous], [3883, undefined, true])
    assert.equal(settings.access.users.length, 1)
  })

  it('accepts a single user that is not in an array', () => {
    const { access } = settingsOf('--config', folder.write('one.json', '{ "user": "a:b" }'))
    assert.equal(access.users.length, 1)
  })

  it('reads a file that starts with a byte order mark', () => {
    assert.equal(settingsOf('--config', folder.write('windows.json', '\uFEFF{\r\n "port": 2883 }')).ports.tcp, 2883)
  })

  it('takes the store from the command line, even if the file names another', () => {
    const inMemory = folder.write('memory.json', '{ "memory": true }')
    const onDisk = folder.write('disk.json', '{ "data": "store" }')
    assert.equal(settingsOf('--config', inMemory).data, undefined)
    assert.equal(settingsOf('--config', inMemory, '--data', 'mine').data, 'mine')
    assert.equal(settingsOf('--config', onDisk).data, 'store')
    assert.equal(settingsOf('--config', onDisk, '--memory').data, undefined)
    assertWrong(['--config', folder.write('both.json', '{ "memory": true, "data": "x" }')], /exclude each other/)
  })

  it('prints the error of the file, and exits with 1', () => {
    assertWrong(['--config', `${folder.path}/none.json`], /none\.json: there is no such file/, 1)
    assertWrong(['--config', folder.path], /it is a folder/, 1)
    for (const [content, message] of [
      ['{', /cannot read/],
      ['{\n  port: 1\n}\n', /^cannot read .*$/],
      ['[]', /must hold a JSON object/],
      ['# Mosquitto\nlistener 1883\nallow_anonymous true\n', /must hold a JSON object, such as \{ "port": 1883/],
      ['{ "persistence_location": "/var/lib" }', /unknown option 'persistence_location': did you mean 'data'\?/],
      ['{ "prot": 1 }', /unknown option 'prot'/],
      ['{ "constructor": 1 }', /unknown option 'constructor'/],
      ['{ "config": "again" }', /unknown option 'config'$/],
      ['{ "password_file": "users.txt" }', /unknown option 'password_file': did you mean 'password-file'\?/],
      ['{ "maxConnections": 5 }', /unknown option 'maxConnections': did you mean 'max-connections'\?/],
      ['{ "port": true }', /'port' takes a text or a number$/],
      ['{ "memory": "yes" }', /'memory' takes true or false$/],
      ['{ "user": ["a:b", 1] }', /'user' takes an array of texts$/],
    ] as const) {
      assertWrong(['--config', folder.write('bad.json', content)], message, 1)
    }
  })
})

function settingsOf(...args: string[]): Settings {
  const command = parseCommand(args)
  if (command.name !== 'run') throw new Error(`not run but ${command.name}`)
  return command.settings
}

function assertWrong(args: string[], message: RegExp, exitCode = 2): void {
  assert.throws(
    () => parseCommand(args),
    (error: unknown) => {
      assert.ok(error instanceof CommandError)
      assert.match(error.message, message)
      assert.equal(error.exitCode, exitCode)
      return true
    },
  )
}
