/**
 * Adapts hooks of Aedes to the underlying broker: called with the Aedes broker as `this` and Aedes's clients. A hook
 * may call back, as in Aedes, however many parameters it declares; or return its verdict, as in Anax. Owns that
 * conversion; must not know what a hook decides.
 */
import type { Broker } from '../../../types/broker/broker.js'
import type {
  ConnectAcceptance,
  ConnectRefusal,
  Hooks,
  PacketRefusalError,
  RefusalError,
} from '../../../types/broker/hooks.js'
import type { Client } from '../../../types/client/client.js'
import type { ConnectPacket, PublishPacket, Subscription } from '../../../types/message/packets.js'
import { ReasonCode } from '../../index.js'
import type { AedesClient } from '../client.js'
import { rephrased } from '../errors.js'
import {
  forwardedPacket,
  parsedConnect,
  parsedPublish,
  parsedSubscription,
  takeChanges,
  takeConnectChanges,
} from '../packets.js'
import type { AedesHooks } from '../types.js'

const NOT_AUTHORIZED = 5
const REFUSALS: ReadonlySet<number> = new Set([2, 3, 4, NOT_AUTHORIZED])

/** The context of the hooks. */
export interface HookScene {
  /** `this` of each hook. */
  readonly aedes: object
  clientOf(client: Client): AedesClient
  /** The same; null for the application, and for the client of a will from an earlier connection. */
  publisherOf(client: Client | null): AedesClient | null
  /** Called when `preConnect` has accepted a client. @returns why it is refused nevertheless */
  admit(client: AedesClient, packet: ConnectPacket): RefusalError | undefined
  /** Called when a hook has refused a client; `preConnect` may have no error. */
  refused(client: AedesClient, error: Error | null): void
  /** Called when `authorizeSubscribe` has called back an error, which ends the connection as in Aedes. */
  failed(client: AedesClient, error: Error): void
  /** Whether the application has closed the client, or the broker. */
  isOver(client: AedesClient): boolean
  /** Called when the client was closed while a hook decided. @param isOwed whether it waits for an answer */
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

/** Calls `authorizeSubscribe` for a subscription that the application makes for a client. */
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
 * Watches a client during a call of a hook. As in Aedes, it gets no answer if the application closes it, or the broker,
 * before the hook has decided.
 * @returns a function to call after the decision, which returns whether that happened
 */
function watch(scene: HookScene, client: AedesClient | null): (isOwed: boolean) => boolean {
  // a client that was closed before has a will for which the hook is called
  if (client === null || scene.isOver(client)) return () => false
  return isOwed => {
    const isOver = scene.isOver(client)
    if (isOver) scene.giveUp(client, isOwed)
    return isOver
  }
}

/** Handles a returned or promised verdict. Undefined is no verdict: the hook then calls back. */
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

/** Whether a verdict is an acceptance with limits. */
function isAcceptance(verdict: unknown): verdict is ConnectAcceptance {
  return typeof verdict === 'object' && verdict !== null && 'accept' in verdict
}

/** The refusal in a verdict with a reason code and possibly a text. */
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
 * Converts an error for CONNACK: in Aedes a hook may choose the return codes 2 to 5; any other becomes 5. An error with
 * a server reference redirects the client.
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

/** As in Aedes: if a hook sets an invalid QoS, the message is dropped, and the client stays connected. */
function qosFault({ qos }: PublishPacket): PacketRefusalError | undefined {
  if (qos >= 0 && qos <= 2) return undefined
  return Object.assign(new Error(`authorizePublish has set QoS ${qos}`), { olderClients: 'acknowledge' })
}

/** As in Aedes: an MQTT 5.0 client gets the message of the error as reason string. */
function toldToClient(error: PacketRefusalError): PacketRefusalError {
  const { message, reasonString = message } = error
  return reasonString === '' ? error : rephrased(error, { ...error, reasonString })
}

function refusal(options: ConnectRefusal): RefusalError {
  return Object.assign(new Error('refused'), options)
}
