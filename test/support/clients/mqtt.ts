/** MQTT.js for tests: connect, and wait for messages. */
import { connect, connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'

/** Connects once, without reconnecting. */
export function connectClient(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  return connectAsync(url, { reconnectPeriod: 0, connectTimeout: 5000, ...options }, false)
}

/** Starts to connect: for listeners that must exist before the first packet. */
export function dialClient(url: string, options: IClientOptions = {}): MqttClient {
  return connect(url, { reconnectPeriod: 0, connectTimeout: 5000, ...options })
}

/** Resolves with the next messages, in the order in which they come. */
export function nextMessages(client: MqttClient, count: number): Promise<IPublishPacket[]> {
  const packets: IPublishPacket[] = []
  return new Promise(resolve => {
    const listener = (_topic: string, _payload: Buffer, packet: IPublishPacket) => {
      packets.push(packet)
      if (packets.length < count) return
      client.off('message', listener)
      resolve(packets)
    }
    client.on('message', listener)
  })
}

/** Resolves with the next message. */
export async function nextMessage(client: MqttClient): Promise<IPublishPacket> {
  const [packet] = await nextMessages(client, 1)
  if (packet === undefined) throw new Error('no message')
  return packet
}
