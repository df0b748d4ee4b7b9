/**
 * Installs other brokers for the benchmark, each from the package registry of its language or system, into a folder of
 * this user: `npm run bench:peers -- rumqttd,mochi,mosquitto-2.1`. Nothing else starts it.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'anax', 'peers')

const RUMQTTD = '0.20.0'
const MOCHI = '2.7.9'

/**
 * Each puts its program into the folder `bin` of its argument, and its version into the file `version`, if the program
 * cannot print it.
 */
const INSTALLERS = {
  // crates.io; needs cargo, takes some minutes
  rumqttd(folder) {
    run('cargo', ['install', 'rumqttd', '--version', RUMQTTD, '--root', folder])
    writeFileSync(join(folder, 'version'), RUMQTTD)
  },
  // the proxy of Go's modules; needs go
  mochi(folder) {
    run('go', ['install', `github.com/mochi-mqtt/server/v2/cmd@v${MOCHI}`], { GOBIN: join(folder, 'bin') })
    renameSync(join(folder, 'bin/cmd'), join(folder, 'bin/mochi'))
    writeFileSync(join(folder, 'version'), MOCHI)
  },
  'mosquitto-2.1': installNewestMosquitto,
}

/** The repository of Debian's newest release, and its signing keys. */
const DEBIAN = 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main'
/** Dependencies of Mosquitto that it never loads. */
const NOT_NEEDED = /^(gcc-|libc-gconv|systemd|sysvinit)/

/**
 * Debian's newest needs a newer C library than this system may have. It and its dependencies are unpacked into a
 * folder, and started by that library's own loader.
 */
function installNewestMosquitto(folder) {
  const [lists, cache, root, bin] = ['lists', 'cache', 'root', 'bin'].map(name => join(folder, name))
  for (const path of [join(lists, 'partial'), join(cache, 'archives/partial'), root, bin]) {
    mkdirSync(path, { recursive: true })
  }
  const [sources, status] = [join(folder, 'sources.list'), join(folder, 'status')]
  writeFileSync(sources, `${DEBIAN}\n`)
  writeFileSync(status, '')
  const apart = Object.entries({
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': lists,
    'Dir::State::status': status,
    'Dir::Cache': cache,
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  run('apt-get', [...apart, '-qq', 'update'])
  run('apt-get', [...apart, '-qq', 'install', '--yes', '--no-install-recommends', '--download-only', 'mosquitto'])
  const archives = readdirSync(join(cache, 'archives')).filter(name => name.endsWith('.deb') && !NOT_NEEDED.test(name))
  for (const archive of archives) run('dpkg-deb', ['--extract', join(cache, 'archives', archive), root])
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu')
  run('ldconfig', ['-n', libraries])
  const [loader, program] = ['usr/lib64/ld-linux-x86-64.so.2', 'usr/sbin/mosquitto'].map(path => join(root, path))
  const starter = join(bin, 'mosquitto')
  writeFileSync(starter, `#!/bin/sh\nexec '${loader}' --library-path '${libraries}' '${program}' "$@"\n`)
  chmodSync(starter, 0o755)
  for (const path of [lists, cache]) rmSync(path, { recursive: true })
}

function run(program, parameters, environment = {}) {
  const env = { ...process.env, ...environment }
  const { status, error } = spawnSync(program, parameters, { stdio: ['ignore', 'inherit', 'inherit'], env })
  if (error !== undefined) throw new Error(`${program}: ${error.message}`)
  if (status !== 0) throw new Error(`${program} ended with ${status}`)
}

function install(name) {
  const folder = join(CACHE, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  try {
    INSTALLERS[name](folder)
    console.log(`${name}: ${folder}`)
  } catch (error) {
    console.error(`${name}: ${error.message}`)
    process.exitCode = 1
  }
}

const names = process.argv.slice(2).flatMap(list => list.split(','))
const unknown = names.filter(name => !(name in INSTALLERS))
if (names.length === 0 || unknown.length > 0) {
  console.error(`usage: npm run bench:peers -- NAME,NAME… of ${Object.keys(INSTALLERS).join(', ')}`)
  process.exitCode = 2
} else {
  for (const name of names) install(name)
}
