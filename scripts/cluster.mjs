/**
 * `npm run cluster`: three servers of NATS and three nodes of Anax on this machine, and what to try with them.
 * Ends all of it, and what it kept, on Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const COUNT = 3
/** Delay before an ended process is started again, in milliseconds. */
const AGAIN_MS = 5000
/** The options of a node. */
const LEASE_SECONDS = 15
const NODES = Array.from({ length: COUNT }, (_, index) => ({ port: 1883 + index, adminPort: 8091 + index }))
const command = fileURLToPath(new URL('../dist/lib/cli/main.js', import.meta.url))
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'anax')
const program = [...(process.env.PATH ?? '').split(delimiter), cache]
  .map(folder => join(folder, 'nats-server'))
  .find(file => existsSync(file))
if (program === undefined) {
  console.error('nats-server 2.14 or later is needed: in the path, or by node scripts/prerequisites.mjs')
  process.exit(1)
}

const taken = (await Promise.all(NODES.flatMap(({ port, adminPort }) => [port, adminPort]).map(whetherTaken))).filter(
  Boolean,
)
if (taken.length > 0) {
  console.error(
    `In use on this machine: port ${taken.join(', ')}. Is npm run cluster running already, or another broker?`,
  )
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'anax-cluster-'))
/** Name -> process. */
const running = new Map()
let isStopping = false
const ports = await freePorts(COUNT * 2)
const servers = ports.slice(0, COUNT).map(port => `127.0.0.1:${port}`)
const routes = ports.slice(COUNT).map(port => `nats://127.0.0.1:${port}`)
for (let index = 0; index < COUNT; index++) startServer(index)
for (let index = 0; index < COUNT; index++) startNode(index)
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
console.log(`
Three nodes are one broker, as soon as each says that it is running. Try it:

  mosquitto_sub -p 1883 -t 'test/#' -v -i alice -c -q 1      on one node
  mosquitto_pub -p 1885 -t test/hello -m world -q 1          from another
  mosquitto_sub -p 1884 -t 'test/#' -v -i alice -c -q 1      the same client on a third, once the first has ended:
                                                             its session is there

If both run, they take the session from each other again and again, and the nodes say "flapping".

Each node has a dashboard, which shows its own clients; its address is below. End any process and go on: it is
started again after ${AGAIN_MS / 1000} seconds. kill -9 is a crash: its clients find their sessions within ${LEASE_SECONDS} seconds. kill is a
rolling restart: it hands them over first.

${[...running].map(([name, { pid }]) => `  ${name.padEnd(14)} ${pid}`).join('\n')}

Ctrl-C ends all of them.
`)

function startServer(index) {
  const port = servers[index].split(':')[1]
  const args = ['-a', '127.0.0.1', '-p', port, '-n', `server${index}`, '-js', '-sd', join(folder, String(index))]
  args.push('--cluster_name', 'anax', '--cluster', routes[index], '--routes', routes.join())
  start(`nats-server-${index}`, program, args, 'ignore')
}

function startNode(index) {
  const { port, adminPort } = NODES[index]
  const args = [command, '--port', String(port), '--ws-port', 'off', '--admin-port', String(adminPort)]
  start(`node-${index}`, process.execPath, [...args, '--cluster', servers.join(), '--id', `node-${index}`], 'pipe')
}

/** Starts a process, and restarts it when it has ended. */
function start(name, file, args, stdio) {
  const child = spawn(file, args, { stdio: ['ignore', stdio, stdio] })
  for (const output of [child.stdout, child.stderr]) {
    if (output) createInterface(output).on('line', line => console.log(`${name}  ${line}`))
  }
  const isBack = running.has(name)
  running.set(name, child)
  if (isBack) console.log(`${name} is started again: ${child.pid}`)
  child.once('exit', () => {
    if (!isStopping) setTimeout(() => isStopping || start(name, file, args, stdio), AGAIN_MS)
  })
}

function stop() {
  isStopping = true
  for (const child of running.values()) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}

/** Resolves with the port if it is in use. */
function whetherTaken(port) {
  const server = createServer()
  return new Promise(resolve => {
    server.once('error', () => resolve(port))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(undefined)))
  })
}

/** Ports that were free a moment ago. */
async function freePorts(count) {
  const open = await Promise.all(
    Array.from({ length: count }, () => {
      const server = createServer()
      return new Promise(resolve => server.listen(0, '127.0.0.1', () => resolve(server)))
    }),
  )
  const found = open.map(server => server.address().port)
  await Promise.all(open.map(server => new Promise(resolve => server.close(resolve))))
  return found
}
