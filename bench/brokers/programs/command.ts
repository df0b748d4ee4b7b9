/**
 * The command `anax` as a broker under test: started as users start it, with its log, its dashboard and `$SYS/broker/`,
 * but on free ports.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { HostArguments } from '../serve.js'
import type { Program } from './program.js'

const FILE = 'dist/lib/cli/main.js'

function listeners(port: number, { transport, certificateFile, keyFile }: HostArguments): string[] {
  switch (transport) {
    case 'tcp':
      return ['--port', `${port}`, '--ws-port', 'off']
    case 'tls':
      return ['--port', 'off', '--ws-port', 'off', '--tls-port', `${port}`, '--cert', certificateFile, '--key', keyFile]
    case 'ws':
      return ['--port', 'off', '--ws-port', `${port}`]
  }
}

/** @param checkout another built checkout to take it from */
export function command(checkout = fileURLToPath(new URL('../../../../', import.meta.url))): Program {
  const main = join(checkout, FILE)
  return {
    file: existsSync(main) ? process.execPath : undefined,
    parameters(port, setup) {
      const store = setup.store === 'memory' ? ['--memory'] : ['--data', setup.folder]
      return [main, ...listeners(port, setup), '--admin-port', '0', ...store]
    },
  }
}
