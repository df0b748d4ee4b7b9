/** A Redis of a test's own, where it is installed, and the buses that `mqemitter-redis` makes of it. */
import { execFileSync, spawnSync } from 'node:child_process'
import { type EventEmitter, once } from 'node:events'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import mqemitterRedis from 'mqemitter-redis'
import type { Bus } from '../../../types/bus.js'
import { RunningProcess } from './command.js'
import { folderOfOurs } from './left-behind.js'

const installed = spawnSync('redis-server', ['--version']).error === undefined

/** For a test's options: false, or the reason why it is skipped. */
export const withoutRedis = installed ? false : 'redis-server is not installed'

/** A server without a port, behind a socket in a folder of its own. What it holds outlives its process. */
export class Redis {
  readonly #folder = folderOfOurs('anax-redis-')
  /** What its clients connect to. */
  readonly path = join(this.#folder, 'redis.sock')
  #server: RunningProcess

  private constructor() {
    this.#server = this.#run()
  }

  /** Starts one; it takes connections when this resolves. */
  static async start(): Promise<Redis> {
    const redis = new Redis()
    await redis.#server.says(/ready to accept connections/i)
    return redis
  }

  /** Ends the process, and starts another one with what it held. */
  async restart(): Promise<void> {
    await this.#server.stop()
    this.#server = this.#run()
    await this.#server.says(/ready to accept connections/i)
  }

  /** The keys that it has. */
  keys(): string[] {
    return this.#command('keys', '*').sort()
  }

  /** Takes everything away. */
  clear(): void {
    this.#command('flushall')
  }

  /** A bus that is connected; closed by whom it is given to. */
  bus(): Promise<Bus> {
    return connected(mqemitterRedis({ path: this.path }) as unknown as RedisBus)
  }

  /** The same with a prefix for all topics: it gives each listener a copy of its own. */
  prefixedBus(): Promise<Bus> {
    const { MQEmitterRedisPrefix } = mqemitterRedis as unknown as {
      MQEmitterRedisPrefix: new (prefix: string, options: object) => RedisBus
    }
    return connected(new MQEmitterRedisPrefix('anax/', { path: this.path }))
  }

  #command(...words: string[]): string[] {
    const output = execFileSync('redis-cli', ['-s', this.path, ...words], { encoding: 'utf8' })
    return output.split('\n').filter(line => line !== '')
  }

  #run(): RunningProcess {
    const storage = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'no', '--dir', this.#folder]
    return new RunningProcess('redis-server', ['--port', '0', '--unixsocket', this.path, ...storage])
  }

  async stop(): Promise<void> {
    await this.#server.stop()
    await rm(this.#folder, { recursive: true })
  }
}

interface RedisBus extends Bus {
  subConn: EventEmitter
  pubConn: EventEmitter
}

/** A filter that is wanted earlier than this disturbs the client's own look at the server. */
async function connected(bus: RedisBus): Promise<Bus> {
  await Promise.all([once(bus.subConn, 'ready'), once(bus.pubConn, 'ready')])
  return bus
}
