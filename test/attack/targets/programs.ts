/**
 * Programs as targets, which do not measure themselves: the command of this package, Mosquitto, and the bare relay of
 * the benchmark. Owns how they are started; must not know the attacks.
 */
import { type ChildProcessByStdio, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { hashPassword } from '../../../lib/auth/index.js'
import { endWithUs, folderOfOurs } from '../../support/programs/left-behind.js'
import { startMosquitto, withoutMosquittoBroker } from '../../support/programs/mosquitto-broker.js'
import type { Target } from './target.js'

/** Name and password of a user. */
export interface User {
  name: string
  password: string
}

/** The output of the command before it listens is shorter. */
const MAX_SAID = 10_000

/** The reason why Mosquitto is not attacked; false if it is. */
export const withoutMosquitto = withoutMosquittoBroker

export async function mosquittoTarget(users: readonly User[] | undefined): Promise<Target> {
  const folder = new Folder()
  const lines = ['max_packet_size 268435460']
  if (users !== undefined) {
    lines.push(`password_file ${folder.write('users', await hashed(users, 'mosquitto'))}`, 'allow_anonymous false')
  }
  const broker = (await startMosquitto(folder.path, folder.write, lines))!
  return targetOf(Number(new URL(broker.url).port), folder, () => broker.stop())
}

/**
 * A few lines on Node's `net` that answer each CONNECT with the same four bytes: what a broker takes beyond that is its
 * own cost.
 */
export async function relayTarget(): Promise<Target> {
  const file = fileURLToPath(new URL('../../../bench/brokers/relay.js', import.meta.url))
  const child = endWithUs(fork(file, [JSON.stringify({ transport: 'tcp' })]))
  const gone = once(child, 'exit')
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const end = () => {
    child.kill('SIGKILL')
    return gone
  }
  return { ports: { tcp: port }, begin: async () => {}, finish: async () => ({}), end }
}

/** The command, with only these users. */
export async function commandTarget(users: readonly User[]): Promise<Target> {
  const folder = new Folder()
  const file = folder.write('users', await hashed(users, 'scrypt'))
  const command = fileURLToPath(new URL('../../../lib/cli/main.js', import.meta.url))
  const offs = ['--ws-port', 'off', '--admin-port', 'off']
  const args = [command, '--memory', '--port', '0', ...offs, '--password-file', file]
  const child = endWithUs(spawn(process.execPath, args, { cwd: folder.path, stdio: ['ignore', 'pipe', 'pipe'] }))
  const gone = once(child, 'exit')
  const port = await portSaidBy(child)
  return targetOf(port, folder, () => {
    child.kill('SIGKILL')
    return gone
  })
}

async function hashed(users: readonly User[], format: 'scrypt' | 'mosquitto'): Promise<string> {
  const lines = users.map(async ({ name, password }) => `${name}:${await hashPassword(password, format)}\n`)
  return (await Promise.all(lines)).join('')
}

/** Also reads later output: otherwise the process would block on a full pipe. */
function portSaidBy(child: ChildProcessByStdio<null, Readable, Readable>): Promise<number> {
  let said = ''
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', chunk => {
        if (said.length < MAX_SAID) said += chunk
        const port = /mqtt:\/\/\S+:(\d+)/.exec(said)?.[1]
        if (port !== undefined) resolve(Number(port))
      })
    }
    child.once('exit', () => reject(new Error(`the command did not start: ${said}`)))
  })
}

function targetOf(port: number, folder: Folder, stop: () => Promise<unknown>): Target {
  const end = async () => {
    await stop()
    folder.remove()
  }
  return { ports: { tcp: port }, begin: async () => {}, finish: async () => ({}), end }
}

class Folder {
  readonly path = folderOfOurs('anax-attack-')

  readonly write = (name: string, content: string): string => {
    const file = join(this.path, name)
    writeFileSync(file, content, { mode: 0o600 })
    return file
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
