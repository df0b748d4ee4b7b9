/**
 * Loaded before a program (`node --import`): `localhost` has an IPv6 address as well, `::1`, also where the system's file
 * of hosts does not say so. Knows nothing of the program.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const dns = require('node:dns')

const { lookup } = dns
const isIPv6 = (family: unknown) => family === 6 || family === 'IPv6'

dns.lookup = (hostname: string, options: { family?: unknown }, ...callback: unknown[]) =>
  lookup(hostname === 'localhost' && isIPv6(options?.family) ? '::1' : hostname, options, ...callback)
