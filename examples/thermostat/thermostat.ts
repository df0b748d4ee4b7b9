/**
 * A service to test: it turns the heating of rooms on and off, by the reports of their sensors. Knows a client of
 * MQTT.js and nothing of the broker.
 */
import type { MqttClient } from 'mqtt'

/** The will for its connection: others learn that the thermostat is offline. */
export const WILL = { topic: 'thermostat/status', payload: Buffer.from('offline'), qos: 1, retain: true } as const

/** Seconds after which a command is useless. */
const COMMAND_EXPIRY = 60

export class Thermostat {
  readonly #client: MqttClient
  #target = 20

  constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload) => this.#receive(topic, payload.toString()))
    client.on('connect', () => this.start())
  }

  /** Subscribes, and publishes that it is online. */
  async start(): Promise<void> {
    await this.#client.subscribeAsync(['thermostat/target', 'home/+/temperature'], { qos: 1 })
    await this.#client.publishAsync(WILL.topic, 'online', { qos: 1, retain: true })
  }

  #receive(topic: string, text: string): void {
    const room = /^home\/([^/]+)\/temperature$/.exec(topic)?.[1]
    if (room === undefined) this.#target = Number(text)
    else this.#command(room, Number(text) < this.#target ? 'ON' : 'OFF')
  }

  #command(room: string, state: 'ON' | 'OFF'): void {
    const properties = { messageExpiryInterval: COMMAND_EXPIRY }
    // nothing is lost while the connection is down: MQTT.js sends it later
    this.#client.publishAsync(`home/${room}/heating/set`, state, { qos: 1, properties }).catch(() => {})
  }
}
