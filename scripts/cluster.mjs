/**
 * `npm run cluster`: three servers of NATS and three nodes of Anax on this machine, and what to try with them.
 * Ends all of it, and what it kept, on Ctrl-C.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const COUNT = 3
const command = fileURLToPath(new URL('../dist/lib/cli/main.js', import.meta.url))
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'anax')
const program = [...(process.env.PATH ?? '').split(delimiter), cache]
  .map(folder => join(folder, 'nats-server'))
  .find(file => existsSync(file))
if (program === undefined) {
  console.error('nats-server 2.14 or later is needed: in the path, or by node scripts/prerequisites.mjs')
  process.exit(1)
}

const folder = mkdtempSync(join(tmpdir(), 'anax-cluster-'))
const children = []
const ports = await freePorts(COUNT * 2)
const servers = ports.slice(0, COUNT).map(port => `127.0.0.1:${port}`)
const routes = ports.slice(COUNT).map(port => `nats://127.0.0.1:${port}`)
for (const [index, server] of servers.entries()) startServer(index, server)
for (let index = 0; index < COUNT; index++) startNode(index)
process.once('SIGINT', stop)
process.once('SIGTERM', stop)
console.log(`
Three nodes are one broker, as soon as each says that it is running. Try it:

  mosquitto_sub -p 1883 -t 'test/#' -v -i alice -c -q 1      on one node
  mosquitto_pub -p 1885 -t test/hello -m world -q 1          from another
  mosquitto_sub -p 1884 -t 'test/#' -v -i alice -c -q 1      the same client on a third: the first is disconnected

Kill any one of these processes, and go on: ${children.map(({ pid }) => pid).join(' ')}
Ctrl-C ends all of them.
`)

function startServer(index, server) {
  const port = server.split(':')[1]
  const args = ['-a', '127.0.0.1', '-p', port, '-n', `server${index}`, '-js', '-sd', join(folder, String(index))]
  args.push('--cluster_name', 'anax', '--cluster', routes[index], '--routes', routes.join())
  children.push(spawn(program, args, { stdio: 'ignore' }))
}

function startNode(index) {
  const args = [command, '--port', String(1883 + index), '--ws-port', 'off', '--cluster', servers.join()]
  args.push('--id', `node-${index}`)
  children.push(spawn(process.execPath, args, { stdio: 'inherit' }))
}

function stop() {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
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
