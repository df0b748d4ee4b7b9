/** A real Mosquitto with our own files, as a reference for their meaning. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { freePort } from './free-ports.js'
import { endWithUs } from './left-behind.js'

/** Debian installs it where only root's PATH looks. */
const PROGRAM = ['/usr/sbin/mosquitto', '/usr/local/sbin/mosquitto', 'mosquitto'].find(
  program => existsSync(program) || spawnSync(program, ['-h']).error === undefined,
)

/** For a test's options: false, or the reason why it is skipped. */
export const withoutMosquittoBroker = PROGRAM === undefined ? 'the broker mosquitto is not installed' : false

export interface MosquittoBroker {
  url: string
  stop(): Promise<void>
}

/** Starts it with lines of configuration; resolves when it listens, or with undefined if it refuses to start. */
export async function startMosquitto(
  folder: string,
  write: (name: string, content: string) => string,
  lines: string[],
): Promise<MosquittoBroker | undefined> {
  const port = await freePort()
  const config = ['allow_anonymous true', `listener ${port} 127.0.0.1`, 'persistence false', 'user root', ...lines]
  const file = write('mosquitto.conf', config.join('\n'))
  const child = endWithUs(spawn(PROGRAM!, ['-c', file], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] }))
  const exited = once(child, 'exit')
  let said = ''
  const isUp = await new Promise<boolean>(resolve => {
    child.stderr!.on('data', chunk => {
      said += chunk
      if (/version [\d.]+ running/.test(said)) resolve(true)
    })
    child.once('exit', () => resolve(false))
  })
  if (!isUp) return undefined
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGKILL')
      await exited
    },
  }
}
