/** Mosquitto as a broker under test, the installed one and the newest: their configuration. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Store } from '../../types.js'
import { findProgram } from '../process.js'
import type { HostArguments } from '../serve.js'
import { peerProgram } from './peers.js'
import type { Program } from './program.js'

/** Every second, or at Mosquitto's default: every half an hour. */
const persistence: Partial<Record<Store, string[]>> = {
  autosave: ['persistence true'],
  'autosave-1s': ['persistence true', 'autosave_interval 1'],
}

function configuration(port: number, { transport, store, folder, certificateFile, keyFile }: HostArguments): string {
  const kept = persistence[store]
  return [
    `listener ${port} 0.0.0.0`,
    ...(transport === 'tls' ? [`certfile ${certificateFile}`, `keyfile ${keyFile}`] : []),
    'user root',
    'allow_anonymous true',
    ...(kept ? [...kept, `persistence_location ${folder}/`] : ['persistence false']),
    'set_tcp_nodelay true',
    'max_inflight_messages 100',
    'max_queued_messages 0',
    'max_queued_bytes 0',
    'log_dest none',
    '',
  ].join('\n')
}

function parameters(port: number, setup: HostArguments): string[] {
  const file = join(setup.folder, 'mosquitto.conf')
  writeFileSync(file, configuration(port, setup))
  return ['-c', file]
}

export const mosquitto: Program = { file: findProgram('mosquitto'), parameters }

export const newestMosquitto: Program = { file: peerProgram('mosquitto-2.1', 'mosquitto'), parameters }
