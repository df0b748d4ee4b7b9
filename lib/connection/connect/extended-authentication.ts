/**
 * One enhanced authentication: exchanges AUTH packets until the host's hook has decided [MQTT 5.0, 4.12]. Used for
 * CONNECT and for re-authentication. Must not know what follows from the verdict.
 */
import type { ExtendedAuthentication, ExtendedVerdict } from '../../../types/broker/hooks.js'
import type { AuthPacket, ConnectPacket } from '../../../types/message/packets.js'
import { AnaxError } from '../../errors.js'
import { ReasonCode } from '../../reason-codes.js'
import { Aborter } from '../../util/scheduling/aborter.js'
import type { Channel, Reauthentication } from '../channel.js'

export class ExtendedExchange implements Reauthentication {
  readonly #channel: Channel
  readonly #method: string
  #resume: ((packet: AuthPacket) => void) | undefined
  readonly #aborter = new Aborter()

  constructor(channel: Channel, method: string) {
    this.#channel = channel
    this.#method = method
  }

  /** Whether the client must send the next AUTH. */
  get awaitsPacket(): boolean {
    return this.#resume !== undefined
  }

  /** Runs all steps. Resolves with the last verdict, which is never `continue`; rejects when the connection ends. */
  async run(first: ConnectPacket | AuthPacket, firstStep: ExtendedAuthentication['step']): Promise<ExtendedVerdict> {
    const ask = this.#channel.ports.authorizer.authenticateExtended!
    const aborter = this.#aborter
    let packet = first
    let step = firstStep
    for (;;) {
      const data = packet.properties?.authenticationData
      const verdict = await aborter.unlessAborted(
        ask(this.#channel.client, { method: this.#method, data, step, packet }),
      )
      if (verdict.result !== 'continue') return verdict
      const reply = this.#next()
      this.#channel.send(this.packet(ReasonCode.ContinueAuthentication, verdict)) // [MQTT-4.12.0-2]
      this.#channel.resumeReading()
      packet = await aborter.unlessAborted(reply)
      step = 'continue'
    }
  }

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

  abort(): void {
    this.#aborter.abort(new AnaxError('ANAX_ERR_STREAM', { detail: 'closed during the authentication' }))
  }

  /** Creates an AUTH packet of this exchange. */
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
