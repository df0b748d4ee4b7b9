/**
 * The `Client` passed to a hook when the will of a disconnected client is published. Owns the remembered details of the
 * client; stream and session cannot be reached from it.
 */
import { EventEmitter } from 'node:events'
import { Duplex } from 'node:stream'
import type {
  Callback,
  Client,
  ClientContext,
  ClientEvents,
  ClientSubscription,
  ConnectionDetails,
} from '../../../types/client/client.js'
import type { ClientLimits } from '../../../types/client/limits.js'
import type { ClientStats } from '../../../types/client/stats.js'
import type { ProtocolVersion, UserProperties } from '../../../types/message/packets.js'
import type { WillPublisher } from '../../../types/persistence.js'
import { AnaxError } from '../../errors.js'
import { withCallback } from '../../util/maybe-promise.js'

const NO_SUBSCRIPTIONS: ReadonlyMap<string, ClientSubscription> = new Map()

const NO_TRAFFIC = Object.freeze({ bytes: 0, packets: 0, messages: 0 })
const NO_STATS: ClientStats = Object.freeze({
  connectedAt: undefined,
  received: NO_TRAFFIC,
  sent: NO_TRAFFIC,
  inflight: 0,
  waiting: Object.freeze({ messages: 0, bytes: 0 }),
  unsentBytes: 0,
  drops: 0,
})

/** The remembered details of a disconnected client. */
type Remembered = Pick<Client, 'id' | 'username' | 'details'> &
  Partial<
    Pick<Client, 'clean' | 'version' | 'keepalive' | 'userProperties' | 'context' | 'principal' | 'claims' | 'limits'>
  >

export class DetachedClient extends EventEmitter<ClientEvents> implements Client {
  readonly id: string
  readonly clean: boolean
  readonly version: ProtocolVersion | undefined
  readonly username: string | undefined
  readonly keepalive: number
  readonly userProperties: UserProperties | undefined
  readonly details: Readonly<ConnectionDetails>
  readonly will = undefined
  readonly req = undefined
  readonly connecting = false
  readonly connected = false
  readonly closed = true
  readonly drops = 0
  readonly stats = NO_STATS
  readonly subscriptions = NO_SUBSCRIPTIONS
  context: ClientContext
  principal: string | undefined
  claims: unknown
  limits: ClientLimits | undefined
  heldBytes = 0

  private constructor(remembered: Remembered) {
    super()
    this.id = remembered.id
    this.clean = remembered.clean ?? false
    this.version = remembered.version
    this.username = remembered.username
    this.keepalive = remembered.keepalive ?? 0
    this.userProperties = remembered.userProperties
    this.details = remembered.details
    this.context = remembered.context
    this.principal = remembered.principal ?? remembered.username
    this.claims = remembered.claims
    this.limits = remembered.limits
  }

  /** Remembers a client whose connection ends. */
  static of(client: Client): DetachedClient {
    return new DetachedClient(client)
  }

  /** A client of an earlier run, with the details that the store kept. */
  static fromStore(clientId: string, publisher: WillPublisher | undefined): DetachedClient {
    const { username, address, claims } = publisher ?? {}
    return new DetachedClient({ id: clientId, username, claims, details: { address } })
  }

  get address(): string | undefined {
    return this.details.address
  }

  /** A closed stream. */
  get conn(): Duplex {
    return new Duplex().destroy()
  }

  publish(_message: unknown, callback?: Callback): Promise<void> & void {
    return this.#refuse(callback)
  }

  subscribe(_subscriptions: unknown, callback?: Callback): Promise<void> & void {
    return this.#refuse(callback)
  }

  unsubscribe(_topics: unknown, callback?: Callback): Promise<void> & void {
    return this.#refuse(callback)
  }

  close(callback?: () => void): Promise<void> & void {
    return withCallback(Promise.resolve(), callback) as Promise<void> & void
  }

  disconnect(): Promise<void> {
    return Promise.resolve()
  }

  #refuse(callback: Callback | undefined): Promise<void> & void {
    return withCallback(Promise.reject(new AnaxError('ANAX_ERR_NOT_CONNECTED')), callback) as Promise<void> & void
  }
}
