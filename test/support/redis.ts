/** A Redis of a test's own, where it is installed, and the buses that `mqemitter-redis` makes of it. */
import { spawnSync } from 'node:child_process'
import { type EventEmitter, once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqemitterRedis from 'mqemitter-redis'
import type { Bus } from '../../types/bus.js'
import { RunningProcess } from './command.js'

const installed = spawnSync('redis-server', ['--version']).error === undefined

/** For a test's options: false, or the reason why it is skipped. */
export const withoutRedis = installed ? false : 'redis-server is not installed'

/** A server without a port, behind a socket in a folder of its own. */
export class Redis {
  readonly #folder = mkdtempSync(join(tmpdir(), 'anax-redis-'))
  readonly #socket = join(this.#folder, 'redis.sock')
  readonly #server: RunningProcess

  private constructor() {
    const storage = ['--save', '', '--appendonly', 'no', '--dir', this.#folder]
    this.#server = new RunningProcess('redis-server', ['--port', '0', '--unixsocket', this.#socket, ...storage])
  }

  /** Starts one; it takes connections when this resolves. */
  static async start(): Promise<Redis> {
    const redis = new Redis()
    await redis.#server.says(/ready to accept connections/i)
    return redis
  }

  /** A bus that is connected; closed by whom it is given to. */
  bus(): Promise<Bus> {
    return connected(mqemitterRedis({ path: this.#socket }) as unknown as RedisBus)
  }

  /** The same with a prefix for all topics: it gives each listener a copy of its own. */
  prefixedBus(): Promise<Bus> {
    const { MQEmitterRedisPrefix } = mqemitterRedis as unknown as {
      MQEmitterRedisPrefix: new (prefix: string, options: object) => RedisBus
    }
    return connected(new MQEmitterRedisPrefix('anax/', { path: this.#socket }))
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
