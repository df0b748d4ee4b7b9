/**
 * The container of examples/service without Docker: runs its command line and its health check as a user that is not
 * root, with the command as the first process of a PID namespace.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chownSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { hashPassword } from '../../lib/auth/index.js'
import { connectClient } from '../support/clients/mqtt.js'
import { anax, COMMAND, RunningProcess } from '../support/programs/command.js'
import { ROOT } from '../support/root.js'
import { makeCertificate, temporaryFolder } from '../support/tls/certificate.js'

/** A user without other files. */
const USER = 65_534

const NAMESPACE = ['--pid', '--fork', '--mount-proc', '--kill-child']
const canUnshare =
  spawnSync('unshare', [...NAMESPACE, 'setpriv', `--reuid=${USER}`, '--clear-groups', 'true']).status === 0

describe('the container of examples/service', {
  skip: !canUnshare && 'PID namespaces need root and util-linux',
}, () => {
  const folder = temporaryFolder()
  after(() => folder.remove())
  const read = (name: string) => readFileSync(join(ROOT, 'examples/service', name), 'utf8')
  /** Paths in the container -> paths of this test. */
  const here = (text: string) =>
    text.replaceAll('/etc/anax', folder.path).replaceAll('/var/lib/anax', join(folder.path, 'data'))
  const dockerfile = read('Dockerfile')
  const list = (instruction: RegExp) => JSON.parse(here(instruction.exec(dockerfile)![1]!)) as string[]

  function start(): RunningProcess {
    const args = [
      ...list(/^ENTRYPOINT (.*)$/m).slice(1),
      ...list(/^CMD (.*)$/m),
      '--tls-port',
      '0',
      '--admin-port',
      '0',
    ]
    const asUser = ['setpriv', `--reuid=${USER}`, `--regid=${USER}`, '--clear-groups']
    // only the volume can be written to, as with docker run --read-only
    const readOnly = 'mount --bind "$0" "$0" && mount -o remount,ro,bind / && unset HOME && exec "$@"'
    const inContainer = ['sh', '-c', readOnly, join(folder.path, 'data'), ...asUser]
    return new RunningProcess('unshare', [...NAMESPACE, ...inContainer, process.execPath, COMMAND, ...args])
  }

  it('starts, is healthy, reloads its files, protects its store, and stops properly', async () => {
    const { key, cert } = await makeCertificate()
    folder.write('anax.json', here(read('anax.json')))
    folder.write('cert.pem', cert)
    folder.write('key.pem', key)
    folder.write('users.txt', `alice:${await hashPassword('wonderland')}\n`)
    folder.write('acl.txt', 'pattern readwrite %u/#\n')
    mkdirSync(join(folder.path, 'data'))
    for (const name of ['', ...readdirSync(folder.path)]) chownSync(join(folder.path, name), USER, USER)

    const container = start()
    await container.says(/^ {2}Access +for users who show who they are$/m)
    const [, port] = await container.says(/mqtts:\/\/0\.0\.0\.0:(\d+)/)
    const [, dashboard = ''] = await container.says(/Dashboard +(\S+)\?/)
    const alice = { ca: cert, username: 'alice', password: 'wonderland', protocolVersion: 5 } as const
    const client = await connectClient(`mqtts://localhost:${port}`, alice)
    await client.publishAsync('alice/state', 'on', { qos: 1, retain: true })

    const health = await anax([...list(/^HEALTHCHECK .*CMD (.*)$/m).slice(1), '--url', dashboard])
    assert.equal(health.code, 0)
    assert.match(health.stdout, /^Clients +1 connected/m)

    const [first] = readFileSync(`/proc/${container.child.pid}/task/${container.child.pid}/children`, 'utf8').split(' ')
    process.kill(Number(first), 'SIGHUP')
    await container.says(/users, keys and rules are those of the files/)

    const second = await start().finished()
    assert.equal(second.code, 1)
    assert.match(second.stderr, /data is in use by process 1$/m)

    const told = new Promise(resolve => client.once('disconnect', ({ reasonCode }) => resolve(reasonCode)))
    process.kill(Number(first), 'SIGTERM')
    assert.equal(await told, 0x8b)
    assert.equal((await container.finished()).code, 0)
    await client.endAsync(true)
  })
})
