/**
 * The addresses of trusted proxies.
 * Knows addresses; must not know headers or sockets.
 */
import { BlockList, isIP } from 'node:net'
import { AnaxError } from '../../index.js'

/** Whether an address is that of a trusted proxy. */
export type IsTrusted = (address: string | undefined) => boolean

/**
 * @param list addresses (`10.0.0.7`, `::1`) and networks (`10.0.0.0/8`, `fd00::/8`)
 * @throws AnaxError ANAX_ERR_LISTEN for an invalid entry
 */
export function trustedProxies(list: readonly string[]): IsTrusted {
  const block = new BlockList()
  for (const entry of list) add(block, entry)
  return address => {
    if (address === undefined) return false
    const plain = plainAddress(address)
    return isIP(plain) !== 0 && block.check(plain, familyOf(plain))
  }
}

/** Converts an IPv4-mapped IPv6 address to IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}

function add(block: BlockList, entry: unknown): void {
  const [address = '', prefix, ...rest] = typeof entry === 'string' ? entry.split('/') : []
  const bits = isIP(address) === 4 ? 32 : 128
  const length = prefix === undefined ? bits : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN
  if (isIP(address) === 0 || rest.length > 0 || !(length <= bits)) {
    throw new AnaxError('ANAX_ERR_LISTEN', {
      detail: `a trusted proxy is an address or a network like 10.0.0.0/8, got ${String(entry)}`,
    })
  }
  block.addSubnet(address, length, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6'
}
