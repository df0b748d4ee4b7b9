/**
 * Identifies the current boot of the machine. Written data survives a crash of the process in the system's memory, but
 * not a restart of the machine, unless it was on the disk. Knows no file of the store.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The identity of the current boot; undefined if the system does not provide it. */
export function bootId(): string | undefined {
  const read = readers[process.platform]
  try {
    return read?.().trim() || undefined
  } catch {
    return undefined
  }
}

const readers: Partial<Record<NodeJS.Platform, () => string>> = {
  linux: () => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'),
  darwin: () => execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }),
}
