/** Where a client connects from, as far as that tells one from another. Knows addresses as text only. */
import { isIPv6 } from 'node:net'
import type { Client } from '../../../types/client.js'

/** The address of a client: of IPv6 the network of 64 bits, which is what one household or one server has. */
export function addressOf({ address = 'local' }: Pick<Client, 'address'>): string {
  if (!isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? networkOf(address)
}

function networkOf(address: string): string {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return `${[...before, ...Array(zeros).fill('0'), ...after].slice(0, 4).join(':')}::/64`
}
