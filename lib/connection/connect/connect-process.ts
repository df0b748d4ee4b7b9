/**
 * Answers CONNECT: accepts or refuses the client. Owns the order of the steps: check, preConnect, authenticate,
 * open the session (with a takeover if the client is connected already), CONNACK, redelivery.
 */
import type { ConnectAcceptance, ConnectRefusal } from '../../../types/broker/hooks.js'
import type { AuthPacket, ConnackPacket, ConnackProperties, ConnectPacket } from '../../../types/message/packets.js'
import type { MaybePromise, StoredSubscription } from '../../../types/persistence.js'
import { AnaxError, type ErrorCode, wrapError } from '../../errors.js'
import type { SessionSubscription } from '../../model/subscription.js'
import { willOf } from '../../model/will.js'
import { ReasonCode } from '../../reason-codes.js'
import { effectiveLimits } from '../../session/client-limits.js'
import type { Session } from '../../session/session.js'
import type { OpenedSession } from '../../session/session-directory.js'
import {
  authorizeSubscription,
  type BusRefusals,
  grantSubscription,
  type Routed,
  routeInTurns,
  storeReviewed,
} from '../../session/subscribing.js'
import { isPromise } from '../../util/maybe-promise.js'
import { networkOf } from '../../util/network.js'
import { Aborter } from '../../util/scheduling/aborter.js'
import { Cost } from '../../util/scheduling/fairness.js'
import type { ConnectingChannel } from '../channel.js'
import { type Assigned, assignedClientId, connackProperties, shortened } from './connack-properties.js'
import { checkConnect, refusalOf, willLimitError } from './connect-checks.js'
import { connectParametersOf, INITIAL_PARAMETERS } from './connect-parameters.js'
import { ExtendedExchange } from './extended-authentication.js'
import { refusalError, refusalProperties } from './refusal.js'

const NO_PROPERTIES: NonNullable<ConnectPacket['properties']> = {}

/** Thrown when the client is refused, and caught within this file. */
class Refused {
  readonly error: AnaxError
  readonly refusal: ConnectRefusal

  constructor(error: AnaxError, refusal: ConnectRefusal) {
    this.error = error
    this.refusal = refusal
  }
}

export class ConnectProcess {
  /** Resolves when the client is accepted or refused, or the connection has ended. */
  done: Promise<void> | undefined
  /** Aborted when the connection ends: hooks and store are no longer awaited. */
  readonly #aborter = new Aborter()
  readonly #channel: ConnectingChannel
  readonly #packet: ConnectPacket
  #exchange: ExtendedExchange | undefined
  /** Authentication data of the last step, for CONNACK. */
  #authenticationData: Buffer | undefined

  constructor(channel: ConnectingChannel, packet: ConnectPacket) {
    this.#channel = channel
    this.#packet = packet
  }

  /** Whether the client must send AUTH before it gets CONNACK. */
  get awaitsPacket(): boolean {
    return this.#exchange?.awaitsPacket === true
  }

  run(): void {
    this.done = this.#run()
  }

  /** Handles an AUTH packet of the enhanced authentication. */
  receive(packet: AuthPacket): void {
    const error = this.#exchange!.receive(packet)
    if (error !== undefined) this.refuse(error)
  }

  /**
   * Called when `connectTimeout` is over: a missing AUTH is the client's fault, anything else is that of hooks or
   * store.
   */
  timeOut(): void {
    const { connectTimeout } = this.#channel.ports.options
    const code = this.awaitsPacket ? 'ANAX_ERR_AUTH_FAILED' : 'ANAX_ERR_SERVER_UNAVAILABLE'
    this.refuse(new AnaxError(code, { detail: `not done within ${connectTimeout} ms` }))
  }

  /** Refuses the client, with a CONNACK if its version has one for this reason. */
  refuse(reason: unknown): void {
    const channel = this.#channel
    if (!channel.connecting) return
    const refused =
      reason instanceof Refused
        ? reason
        : new Refused(wrapError('ANAX_ERR_SERVER_UNAVAILABLE', reason), refusalOf(reason))
    const { reasonCode } = refused.error
    const answer = channel.dialect.connack({
      reasonCode,
      returnCode: refused.refusal.returnCode,
      sessionPresent: false, // [MQTT-3.2.2-6]
      properties: refusalProperties(refused.refusal),
    })
    if (answer !== undefined) {
      channel.send(answer)
      channel.ports.events.emit('connackSent', answer, channel.client)
    }
    channel.fail(refused.error)
  }

  /** Called when the connection ends while CONNECT is being answered. */
  abort(): void {
    this.#exchange?.abort()
    this.#aborter.abort(new AnaxError('ANAX_ERR_STREAM', { detail: 'closed while connecting' }))
  }

  /** Awaits only what is necessary: without hooks and stored session, a client is answered immediately. */
  async #run(): Promise<void> {
    const aborter = this.#aborter
    const channel = this.#channel
    const packet = this.#packet
    try {
      this.#check()
      const turn = this.#turn()
      if (turn !== undefined) {
        // the turn comes soon: a signal for each of thousands that wait would cost more
        await turn
        aborter.throwIfAborted()
      }
      const { preConnect } = channel.ports.authorizer
      if (preConnect !== undefined) await this.#ask(preConnect(channel.client, packet), 'ANAX_ERR_NOT_AUTHORIZED')
      const assignedId = this.#assignedId()
      const { dialect, ports } = channel
      channel.setParameters(connectParametersOf(packet, assignedId ?? packet.clientId, dialect, ports.options))
      const authenticated = this.#authenticateInTurn()
      if (authenticated !== undefined) await authenticated
      this.#checkWill()
      const expiryInterval = this.#expiryInterval()
      const properties = dialect.hasProperties ? this.#properties({ assignedId, expiryInterval }) : {}
      const opening = this.#open(expiryInterval)
      const opened = isPromise(opening) ? await opening : opening
      channel.setSession(opened.session)
      const routed = opened.subscriptions.length === 0 ? undefined : await this.#resume(opened)
      aborter.throwIfAborted()
      this.#accept(opened, routed, properties)
    } catch (reason) {
      this.refuse(reason)
    }
  }

  /** Checks everything that does not need a hook. */
  #check(): void {
    const channel = this.#channel
    const { maximumPacketSize } = this.#packet.properties ?? NO_PROPERTIES
    // a refusing CONNACK must not exceed the client's limit either [MQTT-3.2.2-19]
    if (maximumPacketSize !== undefined) channel.setParameters({ ...INITIAL_PARAMETERS, maximumPacketSize })
    const elsewhere = channel.ports.elsewhere()
    if (elsewhere !== undefined) throw new Refused(elsewhere.error, elsewhere.refusal)
    const fault = checkConnect(this.#packet, channel)
    if (fault !== undefined) throw fault
  }

  #assignedId(): string | undefined {
    const { clientId, properties } = this.#packet
    return clientId === '' ? assignedClientId(properties?.maximumPacketSize) : undefined
  }

  #open(expiryInterval: number): MaybePromise<OpenedSession> {
    const channel = this.#channel
    const { clean } = this.#packet
    const { id: clientId } = channel.parameters
    const will = willOf(channel.client)
    const { sessions, timers } = channel.ports
    const at = timers.wallTime()
    return sessions.open(channel, { clientId, at, clean, expiryInterval, will, aborter: this.#aborter })
  }

  /** Refuses a will that exceeds the limits for the client's own messages. */
  #checkWill(): void {
    const { client, ports } = this.#channel
    const { will } = this.#packet
    const error = will && willLimitError(will, effectiveLimits(ports.options, client.limits))
    if (error !== undefined) throw error
  }

  /**
   * Waits for a turn of the event loop with room. If thousands of clients connect at once, connected clients do not
   * wait for them, and addresses take turns.
   */
  #turn(): Promise<void> | undefined {
    const { client, ports } = this.#channel
    return ports.fairness.admit(Cost.connect, networkOf(client.address ?? ''))
  }

  /**
   * The properties of the CONNACK that accepts the client. Throws if the client does not accept a packet of this size.
   */
  #properties(decided: Pick<Assigned, 'assignedId' | 'expiryInterval'>): ConnackProperties {
    const channel = this.#channel
    const assigned = { ...decided, authenticationData: this.#authenticationData }
    const fits = (properties: ConnackProperties) => channel.fits(this.#connack(false, properties))
    const properties = shortened(connackProperties(channel, this.#packet, assigned), channel.parameters, fits)
    // [MQTT-3.1.2-24]: a client that does not accept the CONNACK cannot be accepted
    if (properties === undefined) throw new AnaxError('ANAX_ERR_PACKET_TOO_LARGE', { detail: 'CONNACK' })
    return properties
  }

  /** The CONNACK that accepts the client. */
  #connack(sessionPresent: boolean, properties: ConnackProperties): ConnackPacket {
    return this.#channel.dialect.connack({ reasonCode: ReasonCode.Success, sessionPresent, properties })!
  }

  /**
   * Authenticates the client, after a delay if its address has failed before.
   * @returns undefined if the client is already accepted
   */
  #authenticateInTurn(): Promise<void> | undefined {
    const { client, ports } = this.#channel
    const turn = ports.admission.authenticationTurn(client)
    if (turn instanceof AnaxError) throw turn
    const isAsked =
      ports.authorizer.authenticate !== undefined || this.#packet.properties?.authenticationMethod !== undefined
    if (turn !== undefined || isAsked) return this.#authenticateAfter(turn)
    ports.admission.authenticated(client, 'accepted')
    return undefined
  }

  async #authenticateAfter(turn: Promise<void> | undefined): Promise<void> {
    const { client, ports } = this.#channel
    if (turn !== undefined) await this.#aborter.unlessAborted(turn)
    try {
      await this.#authenticate()
    } catch (reason) {
      if (reason instanceof Refused && isFailure(reason.error)) ports.admission.authenticated(client, 'refused')
      throw reason
    }
    ports.admission.authenticated(client, 'accepted')
  }

  async #authenticate(): Promise<void> {
    const { authorizer } = this.#channel.ports
    const { username, password } = this.#packet
    const method = this.#packet.properties?.authenticationMethod
    if (method !== undefined) {
      await this.#authenticateExtended(method)
    } else if (authorizer.authenticate !== undefined) {
      const verdict = authorizer.authenticate(this.#channel.client, username, password)
      const acceptance = await this.#ask(verdict, 'ANAX_ERR_NOT_AUTHORIZED')
      if (acceptance !== undefined) this.#channel.client.limits = acceptance.limits
    }
  }

  async #authenticateExtended(method: string): Promise<void> {
    if (this.#channel.ports.authorizer.authenticateExtended === undefined) {
      throw new AnaxError('ANAX_ERR_AUTH_METHOD', { detail: method }) // [MQTT-4.12.0-1]
    }
    this.#exchange = new ExtendedExchange(this.#channel, method)
    const verdict = await this.#exchange.run(this.#packet, 'connect')
    this.#exchange = undefined
    if (verdict.result === 'refuse') throw new Refused(refusalError('ANAX_ERR_AUTH_FAILED', verdict), verdict)
    if (verdict.result === 'continue') return
    this.#authenticationData = verdict.data
    if (verdict.limits !== undefined) this.#channel.client.limits = verdict.limits
  }

  /** Waits for a hook's verdict. Throws if it refuses the client. */
  async #ask(
    verdict: MaybePromise<ConnectAcceptance | ConnectRefusal | undefined>,
    code: ErrorCode,
  ): Promise<ConnectAcceptance | undefined> {
    const refusal = await this.#aborter.unlessAborted(verdict)
    if (refusal === undefined || refusal.accept) return refusal
    const denied = refusal.reasonCode === ReasonCode.BadUserNameOrPassword ? 'ANAX_ERR_CREDENTIALS' : code
    throw new Refused(refusalError(denied, refusal), refusal)
  }

  /** Seconds, as in MQTT 5.0. Before 5.0 the clean session flag decides. */
  #expiryInterval(): number {
    const { dialect, parameters, ports } = this.#channel
    const { clean, requestedExpiry } = parameters
    const { defaultSessionExpiry, maxSessionExpiry } = ports.options
    const requested = dialect.hasSessionExpiry
      ? requestedExpiry
      : clean
        ? 0 // [MQTT-3.1.2-6]
        : defaultSessionExpiry
    return Math.min(requested, maxSessionExpiry)
  }

  /**
   * Makes the subscriptions of a resumed session live, before CONNACK reports the session as present. Very many
   * subscriptions take several turns of the event loop; messages that arrive meanwhile wait.
   */
  async #resume({ session, subscriptions }: OpenedSession): Promise<Routed> {
    session.outgoing?.hold()
    const granted = await this.#authorizeAgain(session, subscriptions)
    session.replacements.note(granted)
    return routeInTurns(session, granted, this.#aborter)
  }

  /** Authorizes subscriptions again, and stores what has changed. @returns those granted */
  async #authorizeAgain(
    session: Session,
    subscriptions: readonly StoredSubscription[],
  ): Promise<SessionSubscription[]> {
    const { client, ports } = this.#channel
    const subscribed: SessionSubscription[] = []
    const changed: SessionSubscription[] = []
    const refused: string[] = []
    for (const subscription of subscriptions) {
      const { subscriptionIdentifier, requested = subscription.topic, ...granted } = subscription
      // without a hook that could replace the filter again, what was granted stays granted
      const asked = ports.authorizer.authorizeSubscribe === undefined ? granted : { ...granted, topic: requested }
      const turn = ports.fairness.admit(Cost.filter)
      if (turn !== undefined) await this.#aborter.unlessAborted(turn)
      const asking = authorizeSubscription(client, ports, asked)
      const verdict = isPromise(asking) ? await this.#aborter.unlessAborted(asking) : asking
      if (verdict instanceof AnaxError || verdict.topic !== subscription.topic) refused.push(subscription.topic)
      if (verdict instanceof AnaxError) continue
      const now = grantSubscription(session, verdict, requested, subscriptionIdentifier)
      subscribed.push(now)
      if (!now.isLike(subscription)) changed.push(now)
    }
    if (refused.length + changed.length > 0) await storeReviewed(session, { refused, changed })
    return subscribed
  }

  #accept({ session, present }: OpenedSession, routed: Routed | undefined, properties: ConnackProperties): void {
    const channel = this.#channel
    const { events } = channel.ports
    channel.accept()
    const connack = this.#connack(present, properties)
    // [MQTT-3.2.0-1]: before the host is told, which may send packets or end the connection
    channel.send(connack)
    events.emit('client', channel.client)
    events.emit('connackSent', connack, channel.client)
    if (channel.connected) {
      routed?.refusals?.then(refused => this.#routed(session, refused))
      if (present) session.outgoing?.resume()
      events.emitFrom(channel.client, 'connected')
      events.emit('clientReady', channel.client)
    }
    channel.connectAnswered()
  }

  /**
   * Called when the bus has answered for the subscriptions of a resumed session. If it refused one, the connection
   * ends.
   */
  #routed(session: Session, refused: BusRefusals): void {
    for (const error of refused.values()) this.#channel.fail(error)
    // messages that were queued meanwhile did not come over the bus
    session.readStored()
  }
}

/** Whether the credentials were wrong. A busy or failed hook does not count. */
function isFailure({ reasonCode }: AnaxError): boolean {
  return reasonCode === ReasonCode.BadUserNameOrPassword || reasonCode === ReasonCode.NotAuthorized
}
