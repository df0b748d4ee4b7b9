/** MQTT.js, as the tests use it: connect, and wait for messages. */
import { connect, connectAsync, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'

/** Connects once, without coming back by itself. */
export function connectClient(url: string, options: IClientOptions = {}): Promise<MqttClient> {
  return connectAsync(url, { reconnectPeriod: 0, connectTimeout: 5000, ...options }, false)
}

/** Begins to connect: for listeners that must be there before the first packet. */
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
