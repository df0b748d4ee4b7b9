/**
 * Loaded before a program (`node --import`): gives localhost an IPv6 address, which RFC 6761 promises and some systems'
 * lists of hosts lack. Knows nothing of the program.
 */
import { createRequire } from 'node:module'

const dns = createRequire(import.meta.url)('node:dns') as typeof import('node:dns')

// biome-ignore lint/suspicious/noExplicitAny: it is called in each of its forms
type Lookup = (hostname: string, options: any, done: (error: Error | null, ...found: any[]) => void) => void

const lookup = dns.lookup as Lookup
const asksForIPv6: Lookup = (hostname, options, done) => {
  const isAsked = hostname === 'localhost' && [6, 'IPv6'].includes(options?.family)
  if (!isAsked) lookup(hostname, options, done)
  else if (options.all) done(null, [{ address: '::1', family: 6 }])
  else done(null, '::1', 6)
}
Object.assign(dns, { lookup: asksForIPv6 })
