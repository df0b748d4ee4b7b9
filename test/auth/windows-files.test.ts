/** Files from editors on Windows: a byte order mark at the beginning, and CR LF at the end of each line. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { aclFile, compose, passwordFile } from '../../lib/auth/index.js'
import { temporaryFolder } from '../support/tls/certificate.js'
import { enter, quickHash, withAuth } from './support.js'

const folder = temporaryFolder()
after(() => folder.remove())

test('users and rules can be read from files with Windows line ends and a byte order mark', async () => {
  const write = (name: string, lines: string[]) => folder.write(name, `\uFEFF${lines.join('\r\n')}\r\n`)
  const users = write('users.txt', [`alice:${quickHash('wonderland')}`, `bob:${quickHash('builder')}`])
  const rules = write('acl.txt', ['user alice', 'topic read a/#', '', '# everybody', 'pattern read %u/+'])
  await withAuth(compose([passwordFile(users), aclFile(rules)]), async broker => {
    const alice = await enter(broker, { username: 'alice', password: 'wonderland' })
    assert.deepEqual(await alice.subscribe({ topic: 'a/#', qos: 1 }, { topic: 'alice/+', qos: 1 }), [1, 1])
    await enter(broker, { username: 'bob', password: 'builder' })
  })
})
