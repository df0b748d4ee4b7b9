/** Warnings about unsafe setups that the command accepts. Only words; docs/hardening.md says what to do. */
import { knowsUsers } from '../options/access-settings.js'
import { isLoopback, type Settings } from '../options/settings.js'

/** @param userId of the process; undefined where the system has none */
export function warningsOf({ host, ports, access }: Settings, userId: number | undefined): string[] {
  const warnings: string[] = []
  const plain = [ports.tcp, ports.ws].filter(port => port !== undefined)
  if (!isLoopback(host) && plain.length > 0 && knowsUsers(access)) {
    warnings.push(`passwords cross the network unencrypted on port ${plain.join(' and ')}: use TLS (--cert, --key)`)
  }
  if (userId === 0) warnings.push('running as root: a user of its own is enough, and safer')
  return warnings
}
