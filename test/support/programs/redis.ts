/** A Redis for tests, if it is installed, and the buses that `mqemitter-redis` creates on it. */
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

/** A server without a port, on a socket in its own folder. Its data survives a restart of its process. */
export class Redis {
  readonly #folder = folderOfOurs('anax-redis-')
  /** The address for its clients. */
  readonly path = join(this.#folder, 'redis.sock')
  #server: RunningProcess

  private constructor() {
    this.#server = this.#run()
  }

  /** Starts one; resolves when it accepts connections. */
  static async start(): Promise<Redis> {
    const redis = new Redis()
    await redis.#server.says(/ready to accept connections/i)
    return redis
  }

  /** Ends the process, and starts another one with the same data. */
  async restart(): Promise<void> {
    await this.#server.stop()
    this.#server = this.#run()
    await this.#server.says(/ready to accept connections/i)
  }

  /** The keys that it has. */
  keys(): string[] {
    return this.#command('keys', '*').sort()
  }

  /** Deletes everything. */
  clear(): void {
    this.#command('flushall')
  }

  /** A connected bus; the caller closes it. */
  bus(): Promise<Bus> {
    return connected(mqemitterRedis({ path: this.path }) as unknown as RedisBus)
  }

  /** The same with a prefix for all topics: it gives each listener its own copy. */
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

/** A filter that is registered earlier would disturb the client's own check of the server. */
async function connected(bus: RedisBus): Promise<Bus> {
  await Promise.all([once(bus.subConn, 'ready'), once(bus.pubConn, 'ready')])
  return bus
}
