/**
 * Mosquitto's ACL files have the same meaning here: compares decisions for generated rules, user names and topics with
 * those of a real Mosquitto.
 */
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import fc from 'fast-check'
import type { MqttClient } from 'mqtt'
import { aclFile } from '../../../lib/auth/index.js'
import { connectClient } from '../../support/clients/mqtt.js'
import { runs } from '../../support/effort.js'
import { startMosquitto, withoutMosquittoBroker } from '../../support/programs/mosquitto-broker.js'
import { type TemporaryFolder, temporaryFolder } from '../../support/tls/certificate.js'

const folder = temporaryFolder()
after(() => folder.remove())

let number = 0

function nextFolder(): Pick<TemporaryFolder, 'path' | 'write'> {
  const name = `run-${number++}`
  mkdirSync(join(folder.path, name))
  return { path: join(folder.path, name), write: (file, content) => folder.write(join(name, file), content) }
}

/** The users. `root` publishes everything. */
interface Visitor {
  username: string | undefined
  clientId: string
}

const VISITORS: Visitor[] = [
  { username: undefined, clientId: 'one' },
  { username: 'bob', clientId: 'two' },
  { username: 'eve', clientId: 'a' },
  { username: 'a', clientId: '%u' },
  { username: '%c', clientId: '$&' },
  { username: 'b/a', clientId: 'a/b' },
  { username: 'x+', clientId: 'three' },
  { username: 'bob', clientId: 'fo#ur' },
  { username: 'nobody', clientId: 'b' },
]

const level = fc.constantFrom('a', 'b', 'bob', '', '$', 'one', '%u', '%c', '$&', 'x-a')
const ruleLevel = fc.oneof(
  { weight: 4, arbitrary: level },
  { weight: 2, arbitrary: fc.constantFrom('+', '%c', '%u', 'x-%u', '%u%c', '%c%c', '%%u') },
)
const first = fc.oneof({ weight: 6, arbitrary: ruleLevel }, { weight: 1, arbitrary: fc.constantFrom('$SYS', '$x') })
const filter = fc
  .tuple(first, fc.array(ruleLevel, { maxLength: 2 }), fc.boolean())
  .map(([start, levels, open]) => [start, ...levels, ...(open ? ['#'] : [])].join('/'))
  .filter(text => text !== '' && text.trim() === text)
const access = fc.constantFrom('', 'read ', 'write ', 'readwrite ', 'deny ', 'read   ')
const line = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(access, filter).map(([right, text]) => `topic ${right}${text}`) },
  { weight: 3, arbitrary: fc.tuple(access, filter).map(([right, text]) => `pattern ${right}${text}`) },
  { weight: 3, arbitrary: fc.constantFrom('user bob', 'user eve', 'user a', 'user b/a', 'user x+', 'user %c') },
  { weight: 1, arbitrary: fc.constantFrom('', '# nothing', 'topic #') },
)
const topicLevel = fc.constantFrom('a', 'b', 'bob', '', 'one', '%u', '%c', '$&', 'x-a', 'two', 'eve')
const topic = fc
  .tuple(
    fc.oneof({ weight: 8, arbitrary: topicLevel }, { weight: 1, arbitrary: fc.constantFrom('$x', '$SYS', '$SYSa') }),
    fc.array(topicLevel, { maxLength: 3 }),
  )
  .map(([start, levels]) => [start, ...levels].join('/'))
  .filter(text => text !== '')

const ROOT_RULES = ['user root', 'topic readwrite #', 'topic $x/#', 'topic $&/#']

describe('an ACL file of Mosquitto', { skip: withoutMosquittoBroker }, () => {
  it('has the same verdicts for publishing, subscribing and delivery', async () => {
    const lines = fc.array(line, { minLength: 1, maxLength: 12 })
    const topics = fc.uniqueArray(topic, { minLength: 8, maxLength: 8 })
    const property = fc.asyncProperty(lines, topics, async (rules, names) => {
      await compare([...rules, ...ROOT_RULES].join('\n'), names)
    })
    await fc.assert(property, { numRuns: runs(10), includeErrorInReport: true })
  })

  it('is refused if Mosquitto refuses to start, and accepted if it starts', async () => {
    const files = [
      'topic',
      'topic ',
      'topic read',
      'topic reed a',
      'topic read a # comment',
      'topic a b',
      'topic read a b',
      'user',
      'user ',
      'user  bob smith ',
      ' topic read a',
      '\ttopic read a',
      'topic\tread a',
      ' # comment',
      '#topic',
      'topic read a+',
      'topic read a/#/b',
      'pattern',
      'pattern read %c#',
      'pattern deny a',
      'Topic a',
      'topic READ a',
      'topic write  a  ',
      'topic deny #\r',
      '',
      'nonsense',
    ]
    for (const content of files) {
      const { path, write } = nextFolder()
      const file = write('acl.txt', `${content}\n`)
      const mosquitto = await startMosquitto(path, write, [`acl_file ${file}`])
      await mosquitto?.stop()
      const here = taken(file)
      assert.equal(here, mosquitto !== undefined, JSON.stringify(content))
    }
  })
})

function taken(file: string): boolean {
  try {
    aclFile(file)
    return true
  } catch {
    return false
  }
}

async function compare(content: string, topics: string[]): Promise<void> {
  const { path, write } = nextFolder()
  const file = write('acl.txt', content)
  const acl = aclFile(file)
  const mosquitto = await startMosquitto(path, write, [`acl_file ${file}`])
  assert.ok(mosquitto !== undefined, `Mosquitto does not start with\n${content}`)
  try {
    const clients = await Promise.all(VISITORS.map(visitor => join5(mosquitto.url, visitor)))
    for (const [index, visitor] of VISITORS.entries()) {
      const here = { clientId: visitor.clientId, ...(visitor.username !== undefined && { user: visitor.username }) }
      for (const name of topics) {
        const { allowed, rule } = await acl.explain({ ...here, action: 'publish', topic: name })
        const there = await mayPublish(clients[index]!, name)
        assert.equal(allowed, there, `publish ${name}, ${JSON.stringify(visitor)}, ${rule}\n${content}`)
      }
    }
    const received = await deliveries(mosquitto.url, clients, topics)
    for (const [index, visitor] of VISITORS.entries()) {
      const here = { clientId: visitor.clientId, ...(visitor.username !== undefined && { user: visitor.username }) }
      assert.equal((await acl.explain({ ...here, action: 'subscribe', topic: '#' })).allowed, true)
      for (const name of topics) {
        if (name.startsWith('$SYS')) continue // nobody can publish there
        const { allowed, rule } = await acl.explain({ ...here, action: 'receive', topic: name })
        const there = received[index]!.has(name)
        assert.equal(allowed, there, `receive ${name}, ${JSON.stringify(visitor)}, ${rule}\n${content}`)
      }
    }
    await Promise.all(clients.map(client => client.endAsync(true)))
  } finally {
    await mosquitto.stop()
  }
}

function join5(url: string, { username, clientId }: Visitor): Promise<MqttClient> {
  return connectClient(url, { clientId, protocolVersion: 5, ...(username !== undefined && { username }) })
}

/** PUBACK of 5.0 has the reason. */
async function mayPublish(client: MqttClient, topic: string): Promise<boolean> {
  return client.publishAsync(topic, '', { qos: 1 }).then(
    () => true,
    () => false,
  )
}

/** The topics that reach each client when `root` publishes to all of them. */
async function deliveries(url: string, clients: MqttClient[], topics: string[]): Promise<Set<string>[]> {
  const root = await join5(url, { username: 'root', clientId: 'root' })
  const received = clients.map(client => {
    const names = new Set<string>()
    client.on('message', name => names.add(name))
    return names
  })
  for (const client of clients) {
    const granted = await client.subscribeAsync(topics, { qos: 0 })
    assert.ok(granted.every(({ qos }) => qos < 128))
  }
  for (const name of topics) await root.publishAsync(name, 'x', { qos: 1 }).catch(() => {})
  // published messages arrive before the answer to this
  for (const client of clients) await client.unsubscribeAsync('none')
  await root.endAsync(true)
  return received
}
