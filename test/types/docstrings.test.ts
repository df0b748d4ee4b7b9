/** Docstrings of the public names: each has a sentence, and so has each member that a host sets or reads. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ROOT } from '../support/root.js'

const CONTRACTS = readdirSync(join(ROOT, 'types'), { recursive: true, encoding: 'utf8' })
  .filter(file => file.endsWith('.ts'))
  .map(file => `types/${file}`)
const ENTRIES = [
  'lib/aedes/aedes.ts',
  'lib/aedes/client.ts',
  'lib/aedes/types.ts',
  'lib/broker/broker.ts',
  'lib/broker/host/host-side.ts',
  'lib/broker/host/message-stream.ts',
  'lib/broker/host/requests.ts',
  'lib/broker/host/typed-listener.ts',
  'lib/client/connect.ts',
  'lib/client/connection.ts',
  'lib/client/dial.ts',
  'lib/client/duplex-pair.ts',
  'lib/client/options.ts',
  'lib/client/received-message.ts',
  'lib/codec/decode/decoder.ts',
  'lib/codec/encode/encoder.ts',
  'lib/codec/encode/publish.ts',
  'lib/codec/wire/frame.ts',
  'lib/codec/publish-message.ts',
  'lib/errors.ts',
  'lib/server/server.ts',
  'lib/server/web-socket/web-frameworks.ts',
  'lib/server/web-socket/web-socket.ts',
  'lib/payload/payload-codec.ts',
  'lib/payload/schemas.ts',
  'lib/persistence/lmdb/lmdb.ts',
  'lib/persistence/lmdb/session-store.ts',
  'lib/persistence/lmdb/operate.ts',
  'lib/persistence/lmdb/check/check.ts',
  'lib/persistence/lmdb/check/salvage.ts',
  'lib/transfer/export.ts',
  'lib/transfer/import.ts',
  'lib/transfer/level.ts',
  'lib/transfer/mosquitto.ts',
  'lib/transfer/records.ts',
  'lib/persistence/lmdb/engine/writer.ts',
  'lib/persistence/memory/memory.ts',
  'lib/reason-codes.ts',
  'lib/testing/fake-clock.ts',
  'lib/testing/watched/faults.ts',
  'lib/testing/link.ts',
  'lib/testing/message-log.ts',
  'lib/testing/snapshot.ts',
  'lib/testing/test-broker.ts',
  'lib/topic/topic-pattern.ts',
  'lib/testing/persistence.ts',
  'lib/testing/persistence/harness.ts',
]

/** The interfaces whose members are the host's to set, to call or to read; those of packets are the standard's. */
const MEMBERS_EXPLAINED = [
  ['types/broker/broker.ts', 'Broker'],
  ['types/client/client.ts', 'Client'],
  ['types/client/client.ts', 'DisconnectOptions'],
  ['types/client/client.ts', 'ClientEvents'],
  ['types/broker/events.ts', 'BrokerEvents'],
  ['types/broker/events.ts', 'Drop'],
  ['types/broker/hooks.ts', 'ConnectRefusal'],
  ['types/broker/hooks.ts', 'ExtendedAuthentication'],
  ['types/broker/hooks.ts', 'Hooks'],
  ['types/broker/options.ts', 'BrokerOptions'],
  ['types/client/rates.ts', 'AuthenticationDelay'],
  ['types/client/rates.ts', 'FlappingOptions'],
  ['types/client/rates.ts', 'InboundRates'],
  ['types/client/rates.ts', 'RateOptions'],
  ['types/client/rates.ts', 'Rates'],
  ['lib/broker/host/host-side.ts', 'HostClientOptions'],
  ['lib/broker/host/host-side.ts', 'Responder'],
  ['lib/broker/host/message-stream.ts', 'MessagesOptions'],
  ['lib/broker/host/requests.ts', 'RequestOptions'],
  ['lib/client/connection.ts', 'ConnectionEnd'],
  ['lib/client/dial.ts', 'DialOptions'],
  ['lib/client/options.ts', 'ConnectOptions'],
  ['lib/client/options.ts', 'PublishOptions'],
  ['lib/client/options.ts', 'SubscribeOptions'],
  ['lib/client/options.ts', 'WillInput'],
  ['lib/errors.ts', 'ErrorDetail'],
  ['lib/payload/schemas.ts', 'SchemaRule'],
  ['lib/payload/schemas.ts', 'SchemasOptions'],
  ['lib/server/server.ts', 'Server'],
  ['lib/server/web-socket/web-frameworks.ts', 'FastifyLike'],
  ['lib/server/web-socket/web-frameworks.ts', 'FastifyMqttOptions'],
  ['lib/server/web-socket/web-frameworks.ts', 'WebServer'],
  ['lib/server/web-socket/web-frameworks.ts', 'WebServerOptions'],
  ['lib/server/server.ts', 'ServerOptions'],
  ['lib/server/server.ts', 'ListenerAddress'],
  ['lib/server/web-socket/web-socket.ts', 'WebSocketOptions'],
  ['lib/persistence/lmdb/options.ts', 'LmdbPersistenceOptions'],
  ['lib/persistence/memory/memory.ts', 'MemoryPersistenceOptions'],
  ['lib/testing/watched/faults.ts', 'Fault'],
  ['lib/testing/watched/faults.ts', 'FaultOptions'],
  ['lib/testing/message-log.ts', 'WaitOptions'],
  ['lib/testing/snapshot.ts', 'ClientSnapshot'],
  ['lib/testing/snapshot.ts', 'SessionSnapshot'],
  ['lib/testing/snapshot.ts', 'Snapshot'],
  ['lib/testing/persistence/harness.ts', 'PersistenceSuiteOptions'],
] as const

const DECLARATION = /^export (?:async |abstract )?(?:interface|type|const|class|function) (\w+)/
const MEMBER = /^ {2}(?:readonly )?(\w+)\??[:(]/

describe('public names', () => {
  it('are all explained', () => {
    const files = [...CONTRACTS, ...ENTRIES]
    const unexplained = files.flatMap(file => unexplainedIn(linesOf(file), DECLARATION).map(name => `${file}: ${name}`))
    assert.deepEqual(unexplained, [])
  })

  for (const [file, name] of MEMBERS_EXPLAINED) {
    it(`of ${name} are all explained`, () => {
      const lines = linesOf(file)
      const from = lines.findIndex(line => line.startsWith(`export interface ${name} `))
      assert.ok(from >= 0)
      const body = lines.slice(from + 1, lines.indexOf('}', from))
      assert.ok(body.some(line => MEMBER.test(line)))
      assert.deepEqual(unexplainedIn(body, MEMBER), [])
    })
  }
})

/** The names that a pattern finds without a comment in the line before; overloads share the first one's. */
function unexplainedIn(lines: readonly string[], pattern: RegExp): string[] {
  const explained = new Set<string>()
  const missing = new Set<string>()
  for (const [index, line] of lines.entries()) {
    const name = pattern.exec(line)?.[1]
    if (name === undefined) continue
    if (lines[index - 1]?.endsWith('*/')) explained.add(name)
    else if (!explained.has(name)) missing.add(name)
  }
  return [...missing]
}

function linesOf(file: string): string[] {
  return readFileSync(join(ROOT, file), 'utf8').split('\n')
}
