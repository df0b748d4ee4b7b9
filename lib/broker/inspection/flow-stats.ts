/** The packet counts of one direction, by the names of MQTT packets. Owns how the counters are read. */
import type { FlowStats, PacketName } from '../../../types/broker/inspection.js'
import { PacketType } from '../../codec/packet-types.js'
import type { Flow } from '../../model/metering/traffic.js'

const NAMES = Object.entries(PacketType).map(([name, type]) => [name.toLowerCase() as PacketName, type] as const)

/** The numbers of one direction so far. */
export function flowStats({ bytes, payloadBytes, packets }: Flow): FlowStats {
  const ofType = (type: number) => packets.subarray(type << 3, (type + 1) << 3).reduce((sum, count) => sum + count, 0)
  // the two bits of the QoS, with and without DUP
  const ofQoS = (qos: number) =>
    packets[(PacketType.PUBLISH << 3) | qos]! + packets[(PacketType.PUBLISH << 3) | 4 | qos]!
  return {
    bytes,
    packets: Object.fromEntries(NAMES.map(([name, type]) => [name, ofType(type)])) as Record<PacketName, number>,
    messages: [ofQoS(0), ofQoS(1), ofQoS(2)],
    payloadBytes,
  }
}
