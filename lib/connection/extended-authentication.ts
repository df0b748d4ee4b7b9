/**
 * One enhanced authentication: AUTH packets back and forth until the host's hook decides [MQTT 5.0, 4.12].
 * The same for CONNECT and for a re-authentication; must not know what follows from the verdict.
 */
import type { ExtendedAuthentication, ExtendedVerdict } from '../../types/hooks.js'
import type { AuthPacket, ConnectPacket } from '../../types/packets.js'
import { AnaxError } from '../errors.js'
import { ReasonCode } from '../reason-codes.js'
import { unlessAborted } from '../util/maybe-promise.js'
import type { Connection } from './connection.js'

export class ExtendedExchange {
  readonly #connection: Connection
  readonly #method: string
  #resume: ((packet: AuthPacket) => void) | undefined
  readonly #gone = new AbortController()

  constructor(connection: Connection, method: string) {
    this.#connection = connection
    this.#method = method
  }

  /** Whether it is the client's turn. */
  get awaitsPacket(): boolean {
    return this.#resume !== undefined
  }

  /** Goes through all steps; resolves with the last verdict, which is never `continue`; rejects when the connection ends. */
  async run(first: ConnectPacket | AuthPacket, firstStep: ExtendedAuthentication['step']): Promise<ExtendedVerdict> {
    const ask = this.#connection.ports.authorizer.authenticateExtended!
    const { signal } = this.#gone
    let packet = first
    let step = firstStep
    for (;;) {
      const data = packet.properties?.authenticationData
      const verdict = await unlessAborted(ask(this.#connection, { method: this.#method, data, step, packet }), signal)
      if (verdict.result !== 'continue') return verdict
      const reply = this.#next()
      this.#connection.send(this.packet(ReasonCode.ContinueAuthentication, verdict)) // [MQTT-4.12.0-2]
      this.#connection.readOn()
      packet = await unlessAborted(reply, signal)
      step = 'continue'
    }
  }

  /** The client's next AUTH. @returns what is wrong with it */
  receive(packet: AuthPacket): AnaxError | undefined {
    const method = packet.properties?.authenticationMethod
    if (method !== this.#method) {
      // [MQTT-4.12.0-5]
      return new AnaxError('ANAX_ERR_PROTOCOL', { detail: `AUTH: the method changed to ${method}` })
    }
    if (packet.reasonCode !== ReasonCode.ContinueAuthentication || this.#resume === undefined) {
      return new AnaxError('ANAX_ERR_PROTOCOL', { detail: 'AUTH out of turn' })
    }
    const resume = this.#resume
    this.#resume = undefined
    resume(packet)
    return undefined
  }

  /** The connection is over: nobody will answer. */
  abort(): void {
    this.#gone.abort(new AnaxError('ANAX_ERR_STREAM', { detail: 'closed during the authentication' }))
  }

  /** An AUTH packet of this exchange. */
  packet(reasonCode: number, { data, reasonString, userProperties }: Exclude<ExtendedVerdict, { result: 'refuse' }>) {
    const packet: AuthPacket = {
      cmd: 'auth',
      reasonCode,
      properties: {
        authenticationMethod: this.#method,
        ...(data && { authenticationData: data }),
        ...(reasonString && { reasonString }),
        ...(userProperties && { userProperties }),
      },
    }
    return packet
  }

  #next(): Promise<AuthPacket> {
    return new Promise(resolve => {
      this.#resume = resolve
    })
  }
}
