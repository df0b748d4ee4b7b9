/**
 * Converts events of the underlying broker to events of Aedes, with their arguments and order, and publishes them below
 * `$SYS/`. Owns that conversion; must not know what causes an event.
 */

import type { EventEmitter } from 'node:events'
import timers from 'node:timers'
import type { Disconnection, DisconnectReason } from '../../../types/broker/events.js'
import type { Client } from '../../../types/client/client.js'
import type { PingreqPacket, Subscription } from '../../../types/message/packets.js'
import type { Broker } from '../../index.js'
import type { AedesClient, ClientControl } from '../client.js'
import { refusalError, tooDeep } from '../errors.js'
import type { HostSubscriptions } from '../hooks/host-subscriptions.js'
import { busPacket, parsedPing, parsedSubscription } from '../packets.js'
import type { AedesEvents } from '../types.js'
import type { PendingSessions } from './pending-sessions.js'

// that of Node.js itself: fake timers of test runners replace the global one
const { setImmediate } = timers

/** Reasons of disconnections that the broker did not decide. */
const NOT_BY_BROKER: ReadonlySet<DisconnectReason> = new Set(['client', 'stream-closed', 'stream-error'])

const MQTT_5 = 5

/** The broker as this part sees it. */
export interface RelayScene {
  readonly aedes: EventEmitter<AedesEvents> & {
    clients: Record<string, AedesClient>
    readonly maxTopicLevels: number
    readonly closed: boolean
  }
  readonly broker: Broker
  readonly pending: PendingSessions
  readonly hostSubscriptions: HostSubscriptions
  clientOf(client: Client): AedesClient
  controlOf(client: AedesClient): ClientControl
  /** Publishes below `$SYS/<id>/`. */
  say(what: string, payload: string): void
  /** Converts an error to the form that applications of Aedes expect. */
  told(error: Error): Error
}

export class EventRelay {
  readonly #scene: RelayScene
  /** Return codes of refused clients. */
  readonly #returnCodes = new WeakMap<Client, number>()
  /** The errors of the hooks that refused clients, if any. */
  readonly #refusals = new WeakMap<AedesClient, Error | null>()

  constructor(scene: RelayScene) {
    this.#scene = scene
    this.#relayMessages()
    this.#relayClients()
    this.#relayErrors()
  }

  /** Called when a hook has refused a client. Without an error, there is no event. */
  refused(client: AedesClient, error: Error | null): void {
    this.#refusals.set(client, error)
  }

  /** Called when subscriptions were made. */
  subscribed(subs: { topic: string; qos: number }[], client: Client): void {
    const { aedes, say } = this.#scene
    this.#tell('subscribe', subs as Subscription[], this.#scene.clientOf(client))
    say('new/subscribes', JSON.stringify({ clientId: client.id, subs }))
    if (subs.some(({ topic }) => topic.split('/').length > aedes.maxTopicLevels)) this.#failClient(client, tooDeep())
  }

  /** Emits an error if there is a listener. Aedes would end a process without one. */
  fail(error: Error): void {
    const { aedes, told } = this.#scene
    if (aedes.listenerCount('error') > 0) aedes.emit('error', told(error))
  }

  /**
   * Relays events about messages. Aedes emits nothing while it receives a packet, so these are emitted a moment later.
   */
  #relayMessages(): void {
    const { broker, clientOf, pending, hostSubscriptions } = this.#scene
    broker.on('publish', (packet, client) => {
      if (client === null) pending.published(packet)
      soon(() => this.#tell('publish', packet, client && clientOf(client)))
    })
    broker.on('ack', (packet, client) => {
      const acknowledged = packet.cmd === 'publish' ? busPacket(packet) : packet
      // as in Aedes, which reads the message from the store, where a clean session has none
      soon(() => this.#tell('ack', (client.clean ? undefined : acknowledged)!, clientOf(client)))
    })
    broker.on('ping', (packet: PingreqPacket, client) => {
      soon(() => this.#tell('ping', parsedPing(packet), clientOf(client)))
    })
    broker.on('subscribe', (subscriptions, client) => {
      const topics = subscriptions.map(({ topic }) => topic)
      const subs = hostSubscriptions.take(client, topics) ?? subscriptions.map(each => parsedSubscription(each))
      soon(() => this.subscribed(subs, client))
    })
    broker.on('unsubscribe', (topics, client) => soon(() => this.#unsubscribed(topics, client)))
  }

  #relayClients(): void {
    const { aedes, broker, clientOf, controlOf, pending, say } = this.#scene
    broker.on('client', client => {
      const aedesClient = clientOf(client)
      pending.back(client.id)
      aedes.clients[client.id] = aedesClient
      this.#tell('client', aedesClient)
      say('new/clients', client.id)
    })
    broker.on('connackSent', (packet, client) => {
      if (packet.returnCode) this.#returnCodes.set(client, packet.returnCode)
      this.#tell('connackSent', packet, clientOf(client))
    })
    // Aedes emits it when CONNACK and queued messages are written
    broker.on('clientReady', client => {
      setImmediate(() => {
        if (!client.connected) return
        controlOf(clientOf(client)).ready()
        this.#tell('clientReady', clientOf(client))
      })
    })
    broker.on('keepaliveTimeout', client => this.#tell('keepaliveTimeout', clientOf(client)))
    broker.on('clientDisconnect', (client, disconnection) => this.#gone(client, disconnection))
    broker.on('sessionEnded', (clientId, reason) => pending.ended(clientId, reason))
    broker.on('closed', () => this.#tell('closed'))
  }

  #relayErrors(): void {
    const { broker, clientOf, told } = this.#scene
    broker.on('clientError', (client, error) => this.#failClient(client, told(error)))
    broker.on('connectionError', (client, error) => {
      const said = this.#refusals.get(clientOf(client))
      if (said === null) return
      const returnCode = this.#returnCodes.get(client)
      const cause = told(said ?? error)
      this.#failClient(client, returnCode === undefined ? cause : refusalError(cause, returnCode))
    })
    broker.on('publishRefused', (error, _message, client) => {
      if (error.code === 'ANAX_ERR_STORE') this.fail(error)
      // an older client is disconnected, which is a separate error
      else if (client?.version === MQTT_5) soon(() => this.#tell('clientError', clientOf(client), told(error)))
    })
    broker.on('hookError', (error, hook, client) => {
      if (hook === 'responseInformation' && client !== null) this.#tell('clientError', clientOf(client), told(error))
    })
    broker.on('storeError', error => this.fail(error))
  }

  #gone(client: Client, disconnection: Disconnection): void {
    const { aedes, clientOf, controlOf, pending, say } = this.#scene
    const aedesClient = clientOf(client)
    const topics = Object.keys(aedesClient.subscriptions)
    if (aedes.clients[client.id] === aedesClient) delete aedes.clients[client.id]
    if (!NOT_BY_BROKER.has(disconnection.reason)) controlOf(aedesClient).ended(disconnection.reasonCode)
    pending.left(aedesClient, disconnection).catch(error => this.fail(error))
    const tell = () => {
      if (aedesClient.clean && topics.length > 0) this.#unsubscribed(topics, client)
      this.#tell('clientDisconnect', aedesClient)
      say('disconnect/clients', client.id)
    }
    // events of a closing broker must come before its bus closes
    if (aedes.closed) tell()
    else later(tell)
  }

  #unsubscribed(subs: string[], client: Client): void {
    const { clientOf, say } = this.#scene
    this.#tell('unsubscribe', subs, clientOf(client))
    say('new/unsubscribes', JSON.stringify({ clientId: client.id, subs }))
  }

  /** Emits an error on the client, which passes it on to the broker. */
  failed(client: AedesClient, error: Error): void {
    later(() => client.emit('error', error))
  }

  /** Emits an error for a client, unless it did not send MQTT and is already gone. */
  #failClient(client: Client, error: Error): void {
    if (client.version === undefined) client.conn.destroy()
    this.failed(this.#scene.clientOf(client), error)
  }

  #tell<Name extends keyof AedesEvents>(name: Name, ...args: AedesEvents[Name]): void {
    ;(this.#scene.aedes as EventEmitter).emit(name, ...args)
  }
}

function soon(step: () => void): void {
  process.nextTick(step)
}

/** Runs a step later, because in Aedes the stream is destroyed by then. */
function later(step: () => void): void {
  setImmediate(step)
}
