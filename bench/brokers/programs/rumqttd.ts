/** rumqttd (Rust) as a broker under test: its own configuration, without what nobody uses here. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { HostArguments } from '../serve.js'
import { peerProgram } from './peers.js'
import type { Program } from './program.js'

function configuration(port: number, { transport, certificateFile, keyFile }: HostArguments): string {
  const tls = [`    [v4.1.tls]`, `    certpath = "${certificateFile}"`, `    keypath = "${keyFile}"`]
  return [
    'id = 0',
    '[router]',
    'id = 0',
    'max_connections = 10010',
    'max_outgoing_packet_count = 200',
    'max_segment_size = 104857600',
    'max_segment_count = 10',
    '[v4.1]',
    'name = "v4-1"',
    `listen = "0.0.0.0:${port}"`,
    'next_connection_delay_ms = 1',
    ...(transport === 'tls' ? tls : []),
    '    [v4.1.connections]',
    '    connection_timeout_ms = 60000',
    '    max_payload_size = 20480',
    '    max_inflight_count = 100',
    '    dynamic_filters = true',
    '',
  ].join('\n')
}

function parameters(port: number, setup: HostArguments): string[] {
  const file = join(setup.folder, 'rumqttd.toml')
  writeFileSync(file, configuration(port, setup))
  return ['--quiet', '--config', file]
}

export const rumqttd: Program = { file: peerProgram('rumqttd', 'rumqttd'), parameters }
