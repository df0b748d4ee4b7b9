/** Which addresses count as one, for limits per address. Knows addresses as text only. */
import { isIPv6 } from 'node:net'

/**
 * The network that an address belongs to, as far as limits per address are concerned: an IPv4 address is one by itself;
 * of IPv6 it is the network of 64 bits, which is what one household or one server has.
 */
export function networkOf(address: string): string {
  // first without the check of Node.js, which is a long regular expression: this is asked for each connection
  if (!address.includes(':') || !isIPv6(address)) return address
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  return mapped?.[1] ?? firstHalfOf(address)
}

function firstHalfOf(address: string): string {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  return `${[...before, ...Array(zeros).fill('0'), ...after].slice(0, 4).join(':')}::/64`
}
