/** Warnings about unsafe setups that the command accepts. Text only; docs/security/hardening.md says what to do. */
import { X509Certificate } from 'node:crypto'
import { knowsUsers } from '../options/access-settings.js'
import { isLoopback, type Settings } from '../options/settings.js'

export interface Process {
  /** Its user; undefined if the system has none. */
  userId: number | undefined
  /** Clients that its limit of open files allows. */
  clientsThatFit: number
}

export function warningsOf({ host, ports, access, cluster, id, limits }: Settings, process: Process): string[] {
  const warnings: string[] = []
  const plain = [ports.tcp, ports.ws].filter(port => port !== undefined)
  if (!isLoopback(host) && plain.length > 0 && knowsUsers(access)) {
    warnings.push(`passwords cross the network unencrypted on port ${plain.join(' and ')}: use TLS (--cert, --key)`)
  }
  if (process.userId === 0) warnings.push('running as root: a user of its own is enough, and safer')
  if (cluster !== undefined && id === undefined) {
    warnings.push(
      'without --id, this node is a new one after a crash: its clients have to wait until its lease has ended',
    )
  }
  if ((limits.maxConnections ?? 0) > process.clientsThatFit) {
    warnings.push(
      `the limit of open files allows ${process.clientsThatFit} clients, fewer than --max-connections: raise it (ulimit -n, LimitNOFILE)`,
    )
  }
  return warnings
}

/**
 * The warning about a certificate that clients will not accept.
 * @param pem the first certificate counts; the listener refuses an unreadable one
 */
export function certificateWarning(pem: string, now: number): string | undefined {
  const { validFrom, validTo } = new X509Certificate(pem)
  if (Date.parse(validTo) < now) return `the certificate of --cert expired at ${shown(validTo)}`
  if (Date.parse(validFrom) > now) return `the certificate of --cert is not valid before ${shown(validFrom)}`
  return undefined
}

function shown(time: string): string {
  return new Date(time).toISOString()
}
