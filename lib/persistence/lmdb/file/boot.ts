/**
 * Tells one run of the machine from another: what a process has written survives the process, as the system has it,
 * but not the machine, unless it was on the disk. Owns how to find out; knows no file of ours.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** The identity of this run of the machine; undefined where the system does not tell. */
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
