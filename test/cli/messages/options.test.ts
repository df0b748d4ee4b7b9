/**
 * The command lines of `anax pub`, `sub`, `status`, `clients` and `kick`: their options, and the messages for wrong
 * ones.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CommandError } from '../../../lib/cli/command-error.js'
import { targetOf } from '../../../lib/cli/messages/client-options.js'
import { PUBLISH_OPTIONS, PUBLISH_USAGE } from '../../../lib/cli/messages/publish.js'
import { SUBSCRIBE_OPTIONS, SUBSCRIBE_USAGE } from '../../../lib/cli/messages/subscribe.js'
import { parseCommand } from '../../../lib/cli/options/arguments.js'
import { type OptionTable, parseOptions } from '../../../lib/cli/options/sub-command.js'
import { CLIENTS_OPTIONS, CLIENTS_USAGE } from '../../../lib/cli/remote/clients.js'
import { KICK_OPTIONS, KICK_USAGE } from '../../../lib/cli/remote/kick.js'
import { STATUS_OPTIONS, STATUS_USAGE } from '../../../lib/cli/remote/status.js'

const COMMANDS: Record<string, readonly [OptionTable, string]> = {
  pub: [PUBLISH_OPTIONS, PUBLISH_USAGE],
  sub: [SUBSCRIBE_OPTIONS, SUBSCRIBE_USAGE],
  status: [STATUS_OPTIONS, STATUS_USAGE],
  clients: [CLIENTS_OPTIONS, CLIENTS_USAGE],
  kick: [KICK_OPTIONS, KICK_USAGE],
}

function assertWrong(line: readonly string[], message: RegExp, exitCode = 2): void {
  assert.throws(
    () => parseCommand(line),
    (error: unknown) => {
      assert.ok(error instanceof CommandError)
      assert.match(error.message, message)
      assert.equal(error.exitCode, exitCode)
      return true
    },
  )
}

describe('the sub-commands', () => {
  for (const [name, [options, usage]] of Object.entries(COMMANDS)) {
    it(`explain every option in anax ${name} --help, and nothing else`, () => {
      const explained = [...usage.matchAll(/^ {2}(?:-(\w), )?--([a-z-]+)/gm)].map(([, short, long]) => [long, short])
      const known = Object.entries(options).map(([long, { short }]) => [long, short])
      assert.deepEqual(explained.toSorted(), known.toSorted())
      assert.ok(usage.split('\n').every(line => line.length <= 100))
    })
  }

  it('accept payloads and topics that start with a dash', () => {
    const { values } = parseOptions('pub', ['-m', '-5', '--topic', '--x', '-r', '-q', '1'], PUBLISH_OPTIONS)
    assert.deepEqual({ ...values }, { message: '-5', topic: '--x', retain: true, qos: '1' })
  })

  it('get the address of the broker from options, the URL or the environment', () => {
    const urlFor = (values: Parameters<typeof targetOf>[1]) => targetOf('sub', values).url
    assert.equal(urlFor({}), 'mqtt://127.0.0.1:1883')
    assert.equal(urlFor({ host: '::1', port: '2883' }), 'mqtt://[::1]:2883')
    assert.equal(urlFor({ tls: true }), 'mqtts://127.0.0.1:8883')
    assert.equal(urlFor({ insecure: true, host: 'broker' }), 'mqtts://broker:8883')
    assert.equal(urlFor({ url: 'ws://broker/mqtt' }), 'ws://broker/mqtt')
    assert.equal(urlFor({ url: 'mqtt+unix:///run/anax.sock' }), 'mqtt+unix:///run/anax.sock')
  })

  it('get the credentials of the client from options, the URL or the environment', () => {
    const userOf = (values: Parameters<typeof targetOf>[1]) => {
      const { url, connect } = targetOf('pub', values)
      return [url, connect.username, connect.password]
    }
    const plain = 'mqtt://h:1'
    assert.deepEqual(userOf({ url: 'mqtt://a:s%40@h:1' }), [plain, 'a', 's@'])
    assert.deepEqual(userOf({ url: 'mqtt://a:s@h:1', username: 'b', password: 't' }), [plain, 'b', 't'])
    process.env.ANAX_PASSWORD = 'from outside'
    assert.deepEqual(userOf({ url: plain, username: 'a' }), [plain, 'a', 'from outside'])
    delete process.env.ANAX_PASSWORD
    assert.equal(targetOf('pub', { 'mqtt-version': 'mqttv311' }).connect.protocolVersion, 4)
  })

  it('report errors in one line with a hint, and exit with 2', () => {
    assertWrong(['pub'], /^--topic is missing\nTry 'anax pub --help'\.$/)
    assertWrong(['pub', '-t', 'a'], /give the payload with one of/)
    assertWrong(['pub', '-t', 'a', '-m', 'x', '-n'], /give the payload with one of/)
    assertWrong(['pub', '-t', 'a/#', '-m', 'x'], /is not a topic/)
    assertWrong(['pub', '-t', 'a', '--hex', '0'], /pairs of hexadecimal digits/)
    assertWrong(['pub', '-t', 'a', '-m', 'x', '-q', '3'], /^--qos takes a number from 0 to 2, not '3'/)
    assertWrong(['pub', '-t', 'a', '-m', 'x', 'y'], /nothing to do with 'y'/)
    assertWrong(['pub', '-t', 'a', '-m', 'x', '--user-property', 'x'], /takes NAME=VALUE/)
    assertWrong(['pub', '-t', 'a', '-m', 'x', '--content-type', 'x', '-V', '3.1.1'], /properties need MQTT 5\.0/)
    assertWrong(['pub', '-t', 'a', '-m', 'x', '--nonsense'], /unknown option '--nonsense'\nTry 'anax pub --help'/)
    assertWrong(['pub', '-t', 'a', '-f', '/nowhere'], /cannot read \/nowhere: there is no such file/, 1)
    assertWrong(['sub'], /^--topic is missing/)
    assertWrong(['sub', '-t', 'a', 'b'], /nothing to do with 'b': put a filter in quotes/)
    assertWrong(['sub', '-t', 'a', '-o', 'xml'], /^--output takes text, json, hex, not 'xml'/)
    assertWrong(['sub', '-t', 'a', '-C', '0'], /^--count takes a number/)
    assertWrong(['sub', '-t', 'a', '-c'], /needs --id/)
    assertWrong(['sub', '-t', 'a', '-R', '--retained-only'], /exclude each other/)
    assertWrong(['sub', '-t', 'a', '-V', '6'], /^--mqtt-version takes/)
    assertWrong(['sub', '-t', 'a', '--cert', 'x'], /need each other/)
    assertWrong(['sub', '-t', 'a', '--url', 'http://x'], /^--url begins with mqtt/)
    assertWrong(['sub', '-t', 'a', '--url', 'mqtt://x', '-p', '1'], /takes the place of --host and --port/)
    assertWrong(['sub', '-t', 'a', '-P', 'x', '-V', '3.1.1'], /a password needs a user name/)
    assertWrong(['clients', 'a', 'b'], /at most one PREFIX/)
    assertWrong(['clients', '--all', '--away'], /exclude each other/)
    assertWrong(['kick'], /takes the identifiers/)
    assertWrong(['status', 'now'], /nothing to do with 'now'\nTry 'anax status --help'/)
  })
})
