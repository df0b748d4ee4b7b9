/** Mosquitto's command line clients, if they are installed. */
import { spawnSync } from 'node:child_process'
import { RunningProcess } from './command.js'

const installed = spawnSync('mosquitto_pub', ['--help']).error === undefined

/** For a test's options: false, or the reason why it is skipped. */
export const withoutMosquitto = installed ? false : 'mosquitto_sub and mosquitto_pub are not installed'

/** Protocol versions as the clients call them. */
export const MOSQUITTO_VERSIONS = { '3.1.1': 'mqttv311', '5.0': 'mqttv5' } as const

export type MosquittoVersion = keyof typeof MOSQUITTO_VERSIONS

/** A subscriber that prints `retain qos topic payload`, one line per message; resolves when it has subscribed. */
export async function mosquittoSub(
  port: number,
  version: MosquittoVersion,
  ...args: string[]
): Promise<RunningProcess> {
  const running = startMosquittoSub(port, version, ...args)
  await running.says(/received SUBACK/)
  return running
}

/**
 * The same before it has subscribed. With `-C`, a client whose session has messages may disconnect before SUBACK
 * arrives.
 */
export function startMosquittoSub(port: number, version: MosquittoVersion, ...args: string[]): RunningProcess {
  const common = ['-p', `${port}`, '-V', MOSQUITTO_VERSIONS[version], '-d', '-F', 'message %r %q %t %p']
  return new RunningProcess('stdbuf', ['-oL', 'mosquitto_sub', '-h', '127.0.0.1', ...common, ...args])
}

/** Publishes and resolves when the client has ended; rejects if it failed. */
export async function mosquittoPub(port: number, version: MosquittoVersion, ...args: string[]): Promise<void> {
  const common = ['-h', '127.0.0.1', '-p', `${port}`, '-V', MOSQUITTO_VERSIONS[version]]
  const { code, stdout, stderr } = await new RunningProcess('mosquitto_pub', [...common, ...args]).finished()
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}: ${stdout}${stderr}`)
}

/** The lines that a subscriber printed for messages. */
export function messagesOf({ stdout }: RunningProcess): string[] {
  return [...stdout.matchAll(/^message (.*)$/gm)].map(([, line]) => line ?? '')
}
