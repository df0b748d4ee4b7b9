/** Decides which addresses count as one, for limits per address. Knows addresses as text only. */
import { isIPv6 } from 'node:net'

/**
 * The network of an address, for limits per address: an IPv4 address itself, or the /64 network of an IPv6 address,
 * because one household or one server usually has a whole network.
 */
export function networkOf(address: string): string {
  // a quick check before that of Node.js, which is a long regular expression, because this runs for each connection
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
