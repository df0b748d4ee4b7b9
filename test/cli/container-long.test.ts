/** The command in a container with little memory: clients fill it up, and it is not ended by the system. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type MqttClient } from 'mqtt'
import { ROOT } from '../support/root.js'

const MIB = 1024 * 1024
const LIMIT = 128 * MIB
const SESSIONS = 500

/** A control group of this test's own, with a limit of memory; undefined where the system lets it make none. */
function memoryGroup(): { path: string; remove: () => Promise<void> } | undefined {
  const [root, limit] = existsSync('/sys/fs/cgroup/cgroup.controllers')
    ? ['/sys/fs/cgroup', 'memory.max']
    : ['/sys/fs/cgroup/memory', 'memory.limit_in_bytes']
  const path = join(root, `anax-test-${process.pid}`)
  const remove = async () => {
    // the system forgets a process a moment after it has ended
    while (existsSync(path) && readFileSync(join(path, 'cgroup.procs'), 'utf8') !== '') await sleep(20)
    rmdirSync(path)
  }
  try {
    mkdirSync(path)
    writeFileSync(join(path, limit), String(LIMIT))
    return { path, remove }
  } catch {
    if (existsSync(path)) rmdirSync(path)
    return undefined
  }
}

const group = memoryGroup()

describe('in a container of 128 MiB', { skip: group === undefined && 'no control group can be made' }, () => {
  let port: number
  let command: ReturnType<typeof spawn>

  before(async () => {
    const main = join(ROOT, 'dist/lib/cli/main.js')
    const args = ['--memory', '--port', '0', '--ws-port', 'off', '--admin-port', 'off', '--log-level', 'error']
    const shell = `echo $$ > ${group!.path}/cgroup.procs && exec "$@"`
    command = spawn('sh', ['-c', shell, 'sh', process.execPath, main, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    for await (const line of createInterface({ input: command.stdout! })) {
      port = Number(/mqtt:\/\/127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? port)
      if (port > 0) break
    }
    command.stdout!.resume()
  })
  after(async () => {
    if (command.exitCode === null && command.signalCode === null) {
      command.kill()
      await once(command, 'exit')
    }
    await group!.remove()
  })

  const clientOf = (clientId: string) =>
    connect(`mqtt://127.0.0.1:${port}`, {
      ...{ clientId, clean: false, protocolVersion: 5, reconnectPeriod: 0 },
      properties: { sessionExpiryInterval: 3600 },
    })

  async function connected(clientId: string): Promise<MqttClient> {
    const client = clientOf(clientId)
    await new Promise(resolve => client.once('connect', resolve))
    return client
  }

  it('keeps running, however much is published for disconnected clients', async () => {
    for (let i = 0; i < SESSIONS; i++) {
      const client = await connected(`away-${i}`)
      await client.subscribeAsync(`queue/${i}`, { qos: 1 })
      await client.endAsync()
    }
    const publisher = await connected('publisher')
    for (const bytes of [10, 2000]) {
      const payload = Buffer.alloc(bytes, 'x')
      for (let sent = 0; sent < 100_000; sent += SESSIONS) {
        await Promise.all(
          Array.from({ length: SESSIONS }, (_, i) => publisher.publishAsync(`queue/${i}`, payload, { qos: 1 })),
        )
      }
    }
    await publisher.endAsync()
    assert.equal(command.signalCode, null, 'the system did not kill it')
    const back = clientOf('away-7')
    const topic = await new Promise<string>(resolve => back.once('message', resolve))
    assert.equal(topic, 'queue/7')
    await back.endAsync()
  })
})
