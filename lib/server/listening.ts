/**
 * Binds a listener, and describes in one sentence why it failed.
 * Knows sockets and their errors; must not know a broker.
 */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { lstat, unlink } from 'node:fs/promises'
import type { Server } from 'node:net'
import net from 'node:net'
import { dirname } from 'node:path'
import { AnaxError } from '../index.js'

/** With Node's default of 511, some connections of a burst of 1,000 were answered a second late. */
const BACKLOG = 8192

/** An address and port, or the path of a Unix socket. */
export type Endpoint = { host: string; port: number } | { path: string }

/**
 * Resolves when the server listens.
 * @param backlog connections that the system queues until they are accepted
 * @throws AnaxError ANAX_ERR_LISTEN
 */
export async function bind(server: Server, endpoint: Endpoint, backlog: number = BACKLOG): Promise<void> {
  try {
    await listen(server, endpoint, backlog)
  } catch (error) {
    if (!('path' in endpoint) || codeOf(error) !== 'EADDRINUSE' || !(await isAbandoned(endpoint.path))) {
      throw listenError(error, endpoint)
    }
    await unlink(endpoint.path)
    await listen(server, endpoint, backlog)
  }
}

/** The error for a listener that could not be opened, or failed later. */
export function listenError(cause: unknown, endpoint: Endpoint): AnaxError {
  return new AnaxError('ANAX_ERR_LISTEN', { detail: sentence(cause, endpoint), cause })
}

async function listen(server: Server, endpoint: Endpoint, backlog: number): Promise<void> {
  server.listen({ ...endpoint, backlog })
  await once(server, 'listening')
}

/** Whether the file of a Unix socket was left behind by a killed process: nobody answers on it. */
async function isAbandoned(path: string): Promise<boolean> {
  if (!(await lstat(path)).isSocket()) return false
  const probe = net.connect({ path })
  try {
    await once(probe, 'connect')
    return false
  } catch (error) {
    return codeOf(error) === 'ECONNREFUSED'
  } finally {
    probe.destroy()
  }
}

function sentence(cause: unknown, endpoint: Endpoint): string {
  const place = 'path' in endpoint ? endpoint.path : `port ${endpoint.port} of ${endpoint.host}`
  switch (codeOf(cause)) {
    case 'EADDRINUSE':
      return `${place} is in use`
    case 'EACCES':
    case 'EPERM':
      // Also the system's error when the folder of a Unix socket is missing.
      if ('path' in endpoint && !existsSync(dirname(endpoint.path))) return `the folder of ${place} does not exist`
      return `no permission for ${place}`
    case 'EADDRNOTAVAIL':
      return `this machine does not have the address of ${place}`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host name of ${place} is not known`
    default:
      return `${place}: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
