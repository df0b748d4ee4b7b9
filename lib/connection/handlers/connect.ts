/**
 * CONNECT: from the packet to an established connection, or to a refusal. Owns the order of the steps:
 * check, preConnect, authenticate, open the session (taking it over), CONNACK, then what the session has waiting.
 */
import { randomUUID } from 'node:crypto'
import type { ConnectRefusal } from '../../../types/hooks.js'
import type { AuthPacket, ConnackPacket, ConnackProperties, ConnectPacket } from '../../../types/packets.js'
import type { MaybePromise } from '../../../types/persistence.js'
import { AnaxError, type ErrorCode, wrapError } from '../../errors.js'
import type { SessionSubscription } from '../../model/subscription.js'
import { ReasonCode } from '../../reason-codes.js'
import type { OpenedSession } from '../../session/ports.js'
import type { Session } from '../../session/session.js'
import { addSubscriptions, askFor, granted, type Refusals, routeSubscriptions } from '../../session/subscribing.js'
import { unlessAborted } from '../../util/maybe-promise.js'
import { checkConnect, refusalOf } from '../connect-checks.js'
import { acceptance, NO_TERMS, termsOf } from '../connect-terms.js'
import type { Connection } from '../connection.js'
import { ExtendedExchange } from '../extended-authentication.js'
import { refusalError, refusalProperties } from '../refusal.js'

/** Thrown within this file when the client is refused: ends the process, never leaves it. */
class Refused {
  readonly error: AnaxError
  readonly refusal: ConnectRefusal

  constructor(error: AnaxError, refusal: ConnectRefusal) {
    this.error = error
    this.refusal = refusal
  }
}

export class ConnectProcess {
  /** Resolves when the process is over, whichever way. */
  done: Promise<void> | undefined
  /** Aborted when the connection ends: nobody is waited for any longer. */
  readonly #gone = new AbortController()
  readonly #connection: Connection
  readonly #packet: ConnectPacket
  #exchange: ExtendedExchange | undefined
  /** What the last step of an enhanced authentication has for the client. */
  #authenticationData: Buffer | undefined

  constructor(connection: Connection, packet: ConnectPacket) {
    this.#connection = connection
    this.#packet = packet
  }

  /** Whether a packet of the client is due before CONNACK. */
  get awaitsPacket(): boolean {
    return this.#exchange?.awaitsPacket === true
  }

  run(): void {
    this.done = this.#run().catch(reason => this.refuse(reason))
  }

  /** AUTH, in the middle of an enhanced authentication. */
  receive(packet: AuthPacket): void {
    const error = this.#exchange!.receive(packet)
    if (error !== undefined) this.refuse(error)
  }

  /** The time for connecting is over: for the client, where it is its turn; otherwise for hooks and store. */
  timeOut(): void {
    const { connectTimeout } = this.#connection.ports.options
    const code = this.awaitsPacket ? 'ANAX_ERR_AUTH_FAILED' : 'ANAX_ERR_SERVER_UNAVAILABLE'
    this.refuse(new AnaxError(code, { detail: `not done within ${connectTimeout} ms` }))
  }

  /** Refuses the client: with a CONNACK where its version has one that says why. */
  refuse(reason: unknown): void {
    const connection = this.#connection
    if (!connection.connecting) return
    const refused =
      reason instanceof Refused
        ? reason
        : new Refused(wrapError('ANAX_ERR_SERVER_UNAVAILABLE', reason), refusalOf(reason))
    const { reasonCode } = refused.error
    const answer = connection.dialect.connack({
      reasonCode,
      returnCode: refused.refusal.returnCode,
      sessionPresent: false, // [MQTT-3.2.2-6]
      properties: refusalProperties(refused.refusal),
    })
    if (answer !== undefined) {
      connection.send(answer)
      connection.ports.events.emit('connackSent', answer, connection)
    }
    connection.fail(refused.error)
  }

  /** The connection ends before the process does. */
  abort(): void {
    this.#exchange?.abort()
    this.#gone.abort(new AnaxError('ANAX_ERR_STREAM', { detail: 'closed while connecting' }))
  }

  async #run(): Promise<void> {
    const connection = this.#connection
    const { preConnect } = connection.ports.authorizer
    const packet = this.#packet
    const { maximumPacketSize } = packet.properties ?? {}
    // a refusal, too, has to be one that the client accepts [MQTT-3.2.2-19]
    if (maximumPacketSize !== undefined) connection.agree({ ...NO_TERMS, maximumPacketSize })
    const fault = checkConnect(packet, connection)
    if (fault !== undefined) throw fault
    if (preConnect !== undefined) await this.#ask(preConnect(connection, packet), 'ANAX_ERR_NOT_AUTHORIZED')
    const assignedId = packet.clientId === '' ? `anax-${randomUUID()}` : undefined
    connection.agree(termsOf(packet, assignedId ?? packet.clientId, connection))
    await this.#authenticate()
    const { clean, expiryInterval } = this.#lifetime()
    const { id: clientId, will } = connection.terms
    const assigned = { assignedId, expiryInterval, authenticationData: this.#authenticationData }
    const properties = acceptance(connection, packet, assigned)
    // [MQTT-3.1.2-24]: a client that does not accept its CONNACK cannot be let in
    if (!connection.fits(this.#acceptance(false, properties))) {
      throw new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: 'CONNACK' })
    }
    const { signal } = this.#gone
    const opened = await connection.ports.sessions.open(connection, { clientId, clean, expiryInterval, will, signal })
    connection.session = opened.session
    const subscriptions = await this.#resume(opened)
    signal.throwIfAborted()
    this.#establish(opened, subscriptions, properties)
  }

  /** The CONNACK that lets the client in. */
  #acceptance(sessionPresent: boolean, properties: ConnackProperties): ConnackPacket {
    return this.#connection.dialect.connack({ reasonCode: ReasonCode.Success, sessionPresent, properties })!
  }

  async #authenticate(): Promise<void> {
    const { authorizer } = this.#connection.ports
    const { username, password } = this.#packet
    const method = this.#packet.properties?.authenticationMethod
    if (method !== undefined) {
      await this.#authenticateExtended(method)
    } else if (authorizer.authenticate !== undefined) {
      const verdict = authorizer.authenticate(this.#connection, username, password)
      await this.#ask(verdict, 'ANAX_ERR_NOT_AUTHORIZED')
    }
  }

  async #authenticateExtended(method: string): Promise<void> {
    if (this.#connection.ports.authorizer.authenticateExtended === undefined) {
      throw new AnaxError('ANAX_ERR_AUTH_METHOD', { detail: method }) // [MQTT-4.12.0-1]
    }
    this.#exchange = new ExtendedExchange(this.#connection, method)
    const verdict = await this.#exchange.run(this.#packet, 'connect')
    this.#exchange = undefined
    if (verdict.result === 'refuse') throw new Refused(refusalError('ANAX_ERR_AUTH_FAILED', verdict), verdict)
    if (verdict.result === 'success') this.#authenticationData = verdict.data
  }

  /** Asks a gate of CONNECT. */
  async #ask(verdict: MaybePromise<ConnectRefusal | undefined>, code: ErrorCode): Promise<void> {
    const refusal = await unlessAborted(verdict, this.#gone.signal) // who is gone is asked about no further
    if (refusal === undefined) return
    const denied = refusal.reasonCode === ReasonCode.BadUserNameOrPassword ? 'ANAX_ERR_CREDENTIALS' : code
    throw new Refused(refusalError(denied, refusal), refusal)
  }

  /** Clean start and expiry as MQTT 5.0 has them; before 5.0 the clean session flag says both. */
  #lifetime(): { clean: boolean; expiryInterval: number } {
    const { clean, properties } = this.#packet
    const { dialect, ports } = this.#connection
    const { defaultSessionExpiry, maxSessionExpiry } = ports.options
    const wished = dialect.hasSessionExpiry
      ? (properties?.sessionExpiryInterval ?? 0)
      : clean
        ? 0 // [MQTT-3.1.2-6]
        : defaultSessionExpiry
    return { clean, expiryInterval: Math.min(wished, maxSessionExpiry) }
  }

  /** The subscriptions of a resumed session, as broker and host grant them now: so they are stored as well. */
  async #resume({ session, subscriptions }: OpenedSession): Promise<SessionSubscription[]> {
    const { store, router } = this.#connection.ports
    const { signal } = this.#gone
    const kept: SessionSubscription[] = []
    const changed: SessionSubscription[] = []
    const gone: string[] = []
    for (const subscription of subscriptions) {
      const { subscriptionIdentifier, ...wanted } = subscription
      const verdict = await unlessAborted(askFor(this.#connection, wanted), signal)
      if (verdict instanceof AnaxError || verdict.topic !== subscription.topic) gone.push(subscription.topic)
      if (verdict instanceof AnaxError) continue
      const now = granted(this.#connection, verdict, subscriptionIdentifier)
      kept.push(now)
      if (!now.isLike(subscription)) changed.push(now)
    }
    if (gone.length > 0) await store.removeSubscriptions({ id: session.id }, gone)
    for (const topic of gone) router.forget({ topic, clientId: session.id })
    await addSubscriptions(this.#connection, changed)
    return kept
  }

  #establish(opened: OpenedSession, subscriptions: SessionSubscription[], properties: ConnackProperties): void {
    const connection = this.#connection
    const { events } = connection.ports
    const { session, present } = opened
    connection.establish(session)
    const connack = this.#acceptance(present, properties)
    // [MQTT-3.2.0-1]: in front of whatever the host sends, or ends, when it is told
    connection.send(connack)
    events.emit('client', connection)
    events.emit('connackSent', connack, connection)
    if (connection.connected) {
      const { refusals } = routeSubscriptions(connection, subscriptions)
      refusals?.then(refused => this.#registered(session, refused))
      if (present) session.outgoing?.resume()
      events.emitFrom(connection, 'connected')
      events.emit('clientReady', connection)
    }
    connection.process = undefined
    connection.readOn()
  }

  /** The bus has answered for the subscriptions of a resumed session: without them, the client would be deaf. */
  #registered(session: Session, refused: Refusals): void {
    for (const error of refused.values()) this.#connection.fail(error)
    // what was queued meanwhile did not come over the bus
    session.outgoing?.readStored()
  }
}
