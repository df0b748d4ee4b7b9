/**
 * Opens the port of the administration, on this machine only.
 * Owns the HTTP server and its log lines; `anax/admin` answers the requests.
 */
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Broker } from '../../../types/broker/broker.js'
import type { BrokerOptions } from '../../../types/broker/options.js'
import { createAdmin, type LogTail } from '../../admin/index.js'
import { CommandError } from '../command-error.js'
import { tokenIn } from './admin-token.js'

/** Always this machine: for access from elsewhere, use a tunnel or a proxy with TLS. */
const HOST = '127.0.0.1'

export interface AdminSettings {
  port: number
  /** Whether an option requests it; otherwise it is left out if its port is in use. */
  isChosen: boolean
  /** Host names that browsers use to reach it, in addition to addresses and `localhost`. */
  hosts: readonly string[]
  /** The file with the token; undefined for a new token at each start. */
  tokenFile: string | undefined
}

export interface AdminPort {
  /** The URL of the dashboard, with the token. */
  readonly url: string
  close(): void
}

/** Resolves with undefined if no option requests it and its port is in use. @throws CommandError */
export async function openAdmin(
  broker: Broker,
  { port, isChosen, hosts, tokenFile }: AdminSettings,
  options: BrokerOptions,
  logger: LogTail,
): Promise<AdminPort | undefined> {
  const token = tokenFile === undefined ? {} : { token: tokenIn(tokenFile) }
  const admin = createAdmin(broker, { broker: options, log: logger, hosts, ...token })
  admin.on('audit', ({ action, target, address, outcome, error }) => {
    logger.info({ address, action, ...(target !== '' && { target }), outcome, error }, 'administration')
  })
  const server = http.createServer(admin.handle)
  try {
    await once(server.listen(port, HOST), 'listening')
  } catch (error) {
    admin.close()
    const reason = error instanceof Error ? error.message : String(error)
    if (isChosen) throw new CommandError(`--admin-port: ${reason}`)
    logger.warn({ reason }, "no administration: --admin-port takes another port, or 'off'")
    return undefined
  }
  return {
    url: `http://${HOST}:${(server.address() as AddressInfo).port}/?token=${admin.token}`,
    close: () => {
      admin.close()
      server.close()
      server.closeAllConnections()
    },
  }
}
