/** How the command connects to NATS servers: certificates, and credentials of a user. On real servers. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { nkeys } from '@nats-io/transport-node'
import { storeOf } from '../../lib/cli/broker/store.js'
import { parseCommand } from '../../lib/cli/options/arguments.js'
import type { Values } from '../../lib/cli/options/options.js'
import { checkSettings } from '../../lib/cli/options/settings.js'
import { createBroker } from '../../lib/index.js'
import { connectClient } from '../support/clients/mqtt.js'
import { effort } from '../support/effort.js'
import { anax, startCommand } from '../support/programs/command.js'
import { freePort } from '../support/programs/free-ports.js'
import { endWithUs } from '../support/programs/left-behind.js'
import { answers, NO_NATS, natsServer } from '../support/programs/nats.js'
import { makeCertificate, temporaryFolder } from '../support/tls/certificate.js'

const skip = natsServer === undefined ? NO_NATS : effort === 'fast' && 'real servers are for npm test'

describe('the command reaches servers of NATS', { skip, concurrency: 3 }, () => {
  const folder = temporaryFolder()
  const servers: ReturnType<typeof spawn>[] = []
  after(() => {
    for (const server of servers) server.kill('SIGKILL')
    folder.remove()
  })

  async function startServer(name: string, configuration: string): Promise<string> {
    const port = await freePort()
    const text = `listen: 127.0.0.1:${port}\njetstream { store_dir: "${folder.path}/${name}" }\n${configuration}`
    servers.push(endWithUs(spawn(natsServer!, ['-c', folder.write(`${name}.conf`, text)], { stdio: 'ignore' })))
    await answers(port)
    return `127.0.0.1:${port}`
  }

  /** Starts the broker that the command would start. */
  async function join(values: Values): Promise<string> {
    const { options } = await storeOf(checkSettings({ id: 'node', 'cluster-replicas': '1', ...values }))
    await using broker = await createBroker(options)
    return broker.id
  }

  it('with certificates on both sides', async () => {
    const { cert, key } = await makeCertificate()
    const files = { 'cluster-ca': folder.write('ca.pem', cert), 'cluster-key': folder.write('key.pem', key) }
    const [ca, file] = [files['cluster-ca'], files['cluster-key']]
    const server = `tls://${await startServer('tls', `tls { cert_file: "${ca}", key_file: "${file}", ca_file: "${ca}", verify: true }`)}`
    assert.equal(await join({ cluster: server, 'cluster-cert': ca, ...files }), 'node')
    await assert.rejects(join({ cluster: server }), { code: 'ANAX_ERR_CLUSTER', message: /self-signed certificate/ })
    await assert.rejects(join({ cluster: server, 'cluster-ca': 'missing.pem' }), {
      message: 'cannot read missing.pem: there is no such file',
    })
  })

  it('with the credentials of a user', async () => {
    const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
    const system = nkeys.createAccount()
    const unlimited = { subs: -1, conn: -1, imports: -1, exports: -1, wildcards: true, data: -1, payload: -1 }
    const limits = { ...unlimited, mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
    const server = await startServer(
      'credentials',
      `operator: ${token(operator, operator, { type: 'operator', version: 2 })}
      resolver: MEMORY
      system_account: ${system.getPublicKey()}
      resolver_preload: {
        ${system.getPublicKey()}: ${token(system, operator, { type: 'account', version: 2, limits: unlimited })}
        ${account.getPublicKey()}: ${token(account, operator, { type: 'account', version: 2, limits })}
      }`,
    )
    const userToken = token(user, account, {
      type: 'user',
      version: 2,
      subs: -1,
      data: -1,
      payload: -1,
      pub: {},
      sub: {},
    })
    const seed = new TextDecoder().decode(user.getSeed())
    const credentials = folder.write(
      'user.creds',
      `-----BEGIN NATS USER JWT-----\n${userToken}\n------END NATS USER JWT------\n\n` +
        `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
    )
    assert.equal(await join({ cluster: server, 'cluster-credentials': credentials }), 'node')
    await assert.rejects(join({ cluster: server }), { code: 'ANAX_ERR_CLUSTER', message: /Authorization Violation/ })
  })

  it('and closes its ports before it sends clients to another node', async () => {
    const server = await startServer('restarted', '')
    const { process, urls } = await startCommand('--cluster', server, '--cluster-replicas', '1', '--id', 'node')
    const client = await connectClient(urls.mqtt!, { protocolVersion: 5 })
    const refused = new Promise(resolve => {
      client.once('disconnect', async ({ reasonCode }) => {
        resolve([reasonCode, await connectClient(urls.mqtt!).catch(error => error.code)])
      })
    })
    const ended = process.stop()
    assert.deepEqual(await refused, [0x9c, 'ECONNREFUSED'])
    const { code, stderr } = await ended
    assert.equal(code, 0)
    const lines = stderr.trim().split('\n')
    assert.ok(lines.length > 2, stderr)
    assert.deepEqual(
      lines.filter(line => !line.includes(' brokerId=node')),
      [],
    )
    await client.endAsync(true)
  })

  it('to export what is in the cluster, and to import it into another one', async () => {
    const server = await startServer('moved', '')
    const options = ['--cluster', server, '--cluster-replicas', '1', '--cluster-shards', '1']
    {
      const { options: node } = await storeOf(
        checkSettings({ id: 'node', cluster: server, 'cluster-replicas': '1', 'cluster-shards': '1' }),
      )
      await using broker = await createBroker(node)
      await broker.publish({ topic: 'kept', payload: 'x', qos: 1, retain: true })
    }
    const file = `${folder.path}/cluster.jsonl`
    assert.deepEqual(await anax(['export', file, ...options]), { code: 0, stdout: '', stderr: '' })
    assert.deepEqual(await anax(['import', file, '--cluster-prefix', 'copy', ...options]), {
      code: 0,
      stdout: 'Imported into the cluster: 0 sessions, 0 queued messages, 0 wills, 1 retained messages\n',
      stderr: '',
    })
    const missing = await anax(['export', '--cluster-prefix', 'other', ...options])
    assert.deepEqual([missing.code, missing.stdout], [1, ''])
    assert.match(missing.stderr, /there is no cluster with the prefix other/)
    assert.throws(() => parseCommand(['export', 'folder', 'file', ...options]), {
      message: /export takes a file, or a folder without --cluster/,
    })
  })

  it('and reports immediately that three replicas need three servers', async () => {
    const server = await startServer('alone', '')
    await assert.rejects(join({ cluster: server, 'cluster-replicas': '3' }), {
      code: 'ANAX_ERR_CLUSTER',
      message: /3 replicas need a cluster of 3 servers of NATS, and this server is alone/,
    })
  })
})

type KeyPair = ReturnType<typeof nkeys.createUser>

/** A NATS token about a user, signed with another user's key. */
function token(of: KeyPair, by: KeyPair, nats: object): string {
  const claims = { sub: of.getPublicKey(), iss: by.getPublicKey(), iat: 1_700_000_000, name: 'test', nats }
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('base64url')
  const encoded = [
    { typ: 'JWT', alg: 'ed25519-nkey' },
    { ...claims, jti },
  ].map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
  const signature = by.sign(new TextEncoder().encode(encoded.join('.')))
  return [...encoded, Buffer.from(signature).toString('base64url')].join('.')
}
