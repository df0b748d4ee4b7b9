/**
 * Adapts hooks of Aedes to the underlying broker: called with the Aedes broker as `this` and Aedes's clients. A hook
 * may call back, as in Aedes, however many parameters it declares; or return its verdict, as in Anax. Owns that
 * translation; must not know what a hook decides.
 */
import type { Broker } from '../../types/broker.js'
import type { Client } from '../../types/client.js'
import type { ConnectAcceptance, ConnectRefusal, Hooks, PacketRefusalError, RefusalError } from '../../types/hooks.js'
import type { ConnectPacket, PublishPacket, Subscription } from '../../types/packets.js'
import { ReasonCode } from '../index.js'
import type { AedesClient } from './client.js'
import { rephrased } from './errors.js'
import {
  forwardedPacket,
  parsedConnect,
  parsedPublish,
  parsedSubscription,
  takeChanges,
  takeConnectChanges,
} from './packets.js'
import type { AedesHooks } from './types.js'

const NOT_AUTHORIZED = 5
const REFUSALS: ReadonlySet<number> = new Set([2, 3, 4, NOT_AUTHORIZED])

/** The context of the hooks. */
export interface HookScene {
  /** `this` of each hook. */
  readonly aedes: object
  clientOf(client: Client): AedesClient
  /** The same; null for the application, and for a client that has left a will in an earlier connection. */
  publisherOf(client: Client | null): AedesClient | null
  /** `preConnect` let it go on. @returns why it may not all the same */
  admit(client: AedesClient, packet: ConnectPacket): RefusalError | undefined
  /** A hook refused it with this error; `preConnect` may give none. */
  refused(client: AedesClient, error: Error | null): void
  /** `authorizeSubscribe` has called back an error, which ends the client as in Aedes. */
  failed(client: AedesClient, error: Error): void
  /** Whether the application has closed the client, or the broker. */
  isOver(client: AedesClient): boolean
  /** It was closed while a hook decided. @param isOwed whether it waits for an answer */
  giveUp(client: AedesClient, isOwed: boolean): void
}

type Installed = { [Name in keyof AedesHooks]?: AedesHooks[Name] | undefined }

/** Sets or removes a hook of the underlying broker. */
export function installHook<Name extends keyof AedesHooks>(
  broker: Pick<Broker, keyof Hooks>,
  scene: HookScene,
  name: Name,
  hook: AedesHooks[Name] | undefined,
): void {
  const installed: Installed = { [name]: hook }
  INSTALL[name](broker, scene, installed)
}

/** Asks `authorizeSubscribe` for a subscription that the application makes for a client. */
export function askForSubscription(
  scene: HookScene,
  hook: AedesHooks['authorizeSubscribe'],
  client: AedesClient,
  subscription: Subscription,
): Promise<Subscription | null> {
  return new Promise((resolve, reject) => {
    const answer = (error: Error | null, granted?: Subscription | null) =>
      error ? reject(error) : resolve(granted ?? null)
    const verdict = hook.call(scene.aedes, client, subscription, answer)
    settle(verdict, value => answerSubscription(value, subscription, answer), reject)
  })
}

const INSTALL: Record<
  keyof AedesHooks,
  (broker: Pick<Broker, keyof Hooks>, scene: HookScene, hooks: Installed) => void
> = {
  preConnect(broker, scene, { preConnect: hook }) {
    broker.preConnect = (client, packet, callback) => {
      const aedesClient = scene.clientOf(client)
      const parsed = hook === undefined ? packet : parsedConnect(packet)
      const answer: typeof callback = (error, success) => {
        if (parsed !== packet) takeConnectChanges(packet, parsed)
        const fault = error ?? (success === true ? scene.admit(aedesClient, packet) : undefined)
        if (fault !== undefined || success !== true) scene.refused(aedesClient, fault ?? null)
        callback(fault === undefined ? null : refusalOf(fault), success === true)
      }
      if (hook === undefined) answer(null, true)
      else settle(hook.call(scene.aedes, aedesClient, parsed, answer), value => answerConnect(value, answer), answer)
    }
  },
  authenticate(broker, scene, { authenticate: hook }) {
    broker.authenticate =
      hook &&
      ((client, username, password, callback) => {
        const aedesClient = scene.clientOf(client)
        const endIfOver = watch(scene, aedesClient)
        const answer: typeof callback = (error, success) => {
          endIfOver(false)
          if (error) scene.refused(aedesClient, error)
          callback(error && refusalOf(error), success)
        }
        const verdict = hook.call(scene.aedes, aedesClient, username, password, answer)
        settle(verdict, value => (isAcceptance(value) ? answer(null, value) : answerConnect(value, answer)), answer)
      })
  },
  authorizePublish(broker, scene, { authorizePublish: hook }) {
    broker.authorizePublish =
      hook &&
      ((client, packet, callback) => {
        const parsed = parsedPublish(packet)
        const aedesClient = scene.publisherOf(client)
        const endIfOver = watch(scene, aedesClient)
        const answer: typeof callback = error => {
          endIfOver(packet.qos > 0)
          const fault = error ?? qosFault(parsed)
          if (!fault) takeChanges(packet, parsed)
          callback(fault && toldToClient(fault))
        }
        const verdict = hook.call(scene.aedes, aedesClient, parsed, answer)
        settle(verdict, value => answerPublish(value, parsed, answer), callback)
      })
  },
  authorizeSubscribe(broker, scene, { authorizeSubscribe: hook }) {
    broker.authorizeSubscribe =
      hook &&
      ((client, subscription, callback) => {
        const parsed = parsedSubscription(subscription)
        const aedesClient = scene.clientOf(client)
        const endIfOver = watch(scene, aedesClient)
        const answer: typeof callback = (error, granted) => {
          if (endIfOver(false)) callback(null, null)
          else callback(error, granted)
        }
        const calledBack: typeof callback = (error, granted) => {
          if (error) scene.failed(aedesClient, error)
          answer(error, granted)
        }
        const verdict = hook.call(scene.aedes, aedesClient, parsed, calledBack)
        settle(verdict, value => answerSubscription(value, parsed, answer), callback)
      })
  },
  authorizeForward(broker, scene, { authorizeForward: hook }) {
    broker.authorizeForward =
      hook &&
      ((client, packet) => {
        const forwarded = hook.call(scene.aedes, scene.clientOf(client), forwardedPacket(packet))
        return forwarded && Object.assign(packet, forwarded)
      })
  },
  published(broker, scene, { published: hook }) {
    broker.published =
      hook &&
      ((packet, client, callback) => {
        const verdict = hook.call(scene.aedes, packet, scene.publisherOf(client), callback)
        settle(verdict, () => callback(), callback)
      })
  },
}

/**
 * For a client that a hook is asked about. As in Aedes, it gets no answer if the application closes it, or the broker,
 * before the hook has decided. @returns to be called then, and tells whether it is so
 */
function watch(scene: HookScene, client: AedesClient | null): (isOwed: boolean) => boolean {
  // a client that was closed before has a will that the hook is asked about
  if (client === null || scene.isOver(client)) return () => false
  return isOwed => {
    const isOver = scene.isOver(client)
    if (isOver) scene.giveUp(client, isOwed)
    return isOver
  }
}

/** A verdict that was returned, or is promised. Nothing is none: the hook calls back. */
function settle(verdict: unknown, answer: (value: unknown) => void, failed: (error: Error) => void): void {
  if (verdict === undefined) return
  if (typeof (verdict as Partial<PromiseLike<unknown>> | null)?.then !== 'function') {
    answer(verdict)
    return
  }
  Promise.resolve(verdict).then(value => {
    if (value !== undefined) answer(value)
  }, failed)
}

function answerConnect(verdict: unknown, callback: (error: RefusalError | null, success?: boolean) => void): void {
  if (typeof verdict !== 'object' || verdict === null) callback(null, verdict === true)
  else callback(refusal(verdict as ConnectRefusal))
}

/** An acceptance that has limits for the client with it. */
function isAcceptance(verdict: unknown): verdict is ConnectAcceptance {
  return typeof verdict === 'object' && verdict !== null && 'accept' in verdict
}

/** The refusal that a hook has returned with a reason code and perhaps a text. */
function packetRefusalOf(verdict: unknown): PacketRefusalError | undefined {
  if (typeof verdict === 'number') return refusal({ reasonCode: verdict })
  if (typeof verdict !== 'object' || verdict === null || !('refuse' in verdict)) return undefined
  return refusal({ ...verdict, reasonCode: verdict.refuse as number })
}

function answerPublish(
  verdict: unknown,
  packet: PublishPacket,
  callback: (error?: PacketRefusalError | null) => void,
): void {
  const refused = verdict === false ? refusal({}) : packetRefusalOf(verdict)
  if (refused === undefined && typeof verdict === 'object' && verdict !== null) Object.assign(packet, verdict)
  callback(refused ?? null)
}

function answerSubscription(
  verdict: unknown,
  subscription: Subscription,
  callback: (error: PacketRefusalError | null, subscription?: Subscription | null) => void,
): void {
  const refused = packetRefusalOf(verdict)
  if (refused !== undefined) callback(refused)
  else if (typeof verdict === 'object') callback(null, verdict as Subscription | null)
  else callback(null, verdict === true ? subscription : null)
}

/**
 * An error as CONNACK can say it: Aedes lets a hook choose the return codes 2 to 5, and takes 5 for any other. One with
 * a server reference sends the client there.
 */
function refusalOf(error: RefusalError): RefusalError {
  const { returnCode, reasonCode, serverReference } = error
  if (serverReference !== undefined) {
    const { ServerMoved, UseAnotherServer } = ReasonCode
    return rephrased(error, {
      serverReference,
      reasonCode: reasonCode === ServerMoved ? ServerMoved : UseAnotherServer,
    })
  }
  if (returnCode === undefined || REFUSALS.has(returnCode)) return error
  return rephrased(error, { returnCode: NOT_AUTHORIZED })
}

/** As in Aedes: a message to which a hook has given no valid QoS is dropped, and the client stays. */
function qosFault({ qos }: PublishPacket): PacketRefusalError | undefined {
  if (qos >= 0 && qos <= 2) return undefined
  return Object.assign(new Error(`authorizePublish has set QoS ${qos}`), { olderClients: 'acknowledge' })
}

/** As in Aedes: a client of MQTT 5.0 is told the message of the error. */
function toldToClient(error: PacketRefusalError): PacketRefusalError {
  const { message, reasonString = message } = error
  return reasonString === '' ? error : rephrased(error, { ...error, reasonString })
}

function refusal(options: ConnectRefusal): RefusalError {
  return Object.assign(new Error('refused'), options)
}
