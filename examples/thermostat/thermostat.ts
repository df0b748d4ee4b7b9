/**
 * A service to be tested: it turns the heating of rooms on and off, by what their sensors report.
 * Knows a client of MQTT.js and nothing of the broker.
 */
import type { MqttClient } from 'mqtt'

/** The will to connect with: others see that the thermostat is gone. */
export const WILL = { topic: 'thermostat/status', payload: Buffer.from('offline'), qos: 1, retain: true } as const

/** Seconds after which a command is of no use. */
const COMMAND_EXPIRY = 60

export class Thermostat {
  readonly #client: MqttClient
  #target = 20

  constructor(client: MqttClient) {
    this.#client = client
    client.on('message', (topic, payload) => this.#receive(topic, payload.toString()))
    client.on('connect', () => this.start())
  }

  /** Subscribes, and says that it is there. */
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
    // a line that is down loses nothing: MQTT.js sends it later
    this.#client.publishAsync(`home/${room}/heating/set`, state, { qos: 1, properties }).catch(() => {})
  }
}
