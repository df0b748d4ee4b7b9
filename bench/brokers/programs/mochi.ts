/** Mochi (Go) as a broker under test: its own command with its defaults. */
import type { HostArguments } from '../serve.js'
import { peerProgram } from './peers.js'
import type { Program } from './program.js'

/** Its page of statistics and its WebSocket listener are on any free port. */
function parameters(port: number, { transport, certificateFile, keyFile }: HostArguments): string[] {
  const tls = transport === 'tls' ? ['-tls-cert-file', certificateFile, '-tls-key-file', keyFile] : []
  return ['-tcp', `:${port}`, '-ws', '127.0.0.1:0', '-info', '127.0.0.1:0', ...tls]
}

export const mochi: Program = { file: peerProgram('mochi', 'mochi'), parameters }
