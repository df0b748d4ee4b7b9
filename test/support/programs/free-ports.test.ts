/** The ports of programs are their own until the test file ends. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { it } from 'node:test'
import { freePorts } from './free-ports.js'

const RANGE = '/proc/sys/net/ipv4/ip_local_port_range'

it('gives no port twice, though nobody listens on it', async () => {
  // of so many random numbers some would be equal
  const ports = [...(await freePorts(300)), ...(await freePorts(100))]
  assert.equal(new Set(ports).size, 400)
})

it('gives none that the system chooses for clients and for port 0', {
  skip: !existsSync(RANGE) && 'not Linux',
}, async () => {
  const [lowest] = readFileSync(RANGE, 'utf8').split(/\s+/).map(Number)
  assert.ok((await freePorts(10)).every(port => port < lowest!))
})
