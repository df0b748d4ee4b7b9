/**
 * Programs as targets, which are attacked like a broker and measure nothing: the command of this package, and Mosquitto
 * beside it. Owns how they are started; must not know the attacks.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashPassword } from '../../../lib/auth/index.js'
import { startMosquitto, withoutMosquittoBroker } from '../../support/mosquitto-broker.js'
import type { Target } from './target.js'

/** Name and password of a user. */
export interface User {
  name: string
  password: string
}

/** The reason why Mosquitto is not attacked; false if it is. */
export const withoutMosquitto = withoutMosquittoBroker

export async function mosquittoTarget(user: User | undefined): Promise<Target> {
  const folder = new Folder()
  const lines = ['max_packet_size 268435460']
  if (user !== undefined) {
    const hash = await hashPassword(user.password, 'mosquitto')
    lines.push(`password_file ${folder.write('users', `${user.name}:${hash}\n`)}`, 'allow_anonymous false')
  }
  const broker = (await startMosquitto(folder.path, folder.write, lines))!
  return targetOf(Number(new URL(broker.url).port), folder, () => broker.stop())
}

/** The command with one user. */
export async function commandTarget(user: User): Promise<Target> {
  const folder = new Folder()
  const file = folder.write('users', `${user.name}:${await hashPassword(user.password)}\n`)
  const command = fileURLToPath(new URL('../../../lib/cli/main.js', import.meta.url))
  const offs = ['--ws-port', 'off', '--admin-port', 'off']
  const args = [command, '--memory', '--port', '0', ...offs, '--password-file', file]
  const child = spawn(process.execPath, args, { cwd: folder.path, stdio: ['ignore', 'pipe', 'ignore'] })
  const gone = once(child, 'exit')
  let said = ''
  child.stdout.on('data', chunk => {
    said += chunk
  })
  while (!/mqtt:\/\/\S+:\d+/.test(said)) await once(child.stdout, 'data')
  const port = Number(/mqtt:\/\/\S+:(\d+)/.exec(said)![1])
  return targetOf(port, folder, () => {
    child.kill('SIGKILL')
    return gone
  })
}

function targetOf(port: number, folder: Folder, stop: () => Promise<unknown>): Target {
  const end = async () => {
    await stop()
    folder.remove()
  }
  return { port, webSocketPort: undefined, begin: async () => {}, finish: async () => ({}), end }
}

class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'anax-attack-'))

  readonly write = (name: string, content: string): string => {
    const file = join(this.path, name)
    writeFileSync(file, content, { mode: 0o600 })
    return file
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}
