/**
 * What the tests and benchmarks use beyond npm packages: installs it where that is possible
 * (root on Debian or a relative of it), and says what is missing where it is not.
 * The installed servers are not started: tests start their own, on ports of their own.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Program -> Debian package. */
const PACKAGES = { mosquitto_sub: 'mosquitto-clients', mosquitto: 'mosquitto', 'redis-server': 'redis-server' }

/** While this file says 101, Debian's packages do not start their services. */
const POLICY = '/usr/sbin/policy-rc.d'

const missing = findMissing()
if (missing.length > 0 && canInstall()) install(missing)
report(findMissing())

function findMissing() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return Object.keys(PACKAGES).filter(program => !folders.some(folder => isExecutable(join(folder, program))))
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function canInstall() {
  return process.getuid?.() === 0 && isExecutable('/usr/bin/apt-get')
}

function install(programs) {
  const packages = programs.map(program => PACKAGES[program])
  console.log(`Installing ${packages.join(', ')} for the tests`)
  const hadPolicy = existsSync(POLICY)
  if (!hadPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    if (!aptGet('install', packages) && aptGet('update', [])) aptGet('install', packages)
  } finally {
    if (!hadPolicy) rmSync(POLICY, { force: true })
  }
}

function aptGet(action, packages) {
  const options = action === 'install' ? ['--yes', '--no-install-recommends'] : []
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', ['-qq', action, ...options, ...packages], { env, stdio: 'ignore' }).status === 0
}

function report(programs) {
  if (programs.length === 0) return
  const packages = programs.map(program => PACKAGES[program]).join(' ')
  console.log(
    `Not installed: ${programs.join(', ')}. Tests that need them are skipped. On Debian: apt-get install ${packages}`,
  )
}
