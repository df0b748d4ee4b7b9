/**
 * Loaded before a program (`node --import`): wherever it listens on a port of `ANAX_TEST_PORTS`, or connects to one, it
 * has another port, which is its own, and does not notice. For tests of others that name a port: two of them can run at the same time, and
 * beside a broker of this machine. Knows nothing of the program.
 */
import { Server, Socket } from 'node:net'
import { freePorts } from './programs/free-ports.js'

const named = (process.env.ANAX_TEST_PORTS ?? '').split(',').filter(Boolean).map(Number)
const own = await freePorts(named.length)
const portOf = new Map(named.map((port, index) => [port, own[index]!]))
const nameOf = new Map(named.map((port, index) => [own[index], port]))

/** The same arguments with the port replaced: of an object, of a list of arguments that was normalized, or itself. */
function withOwnPort(where: unknown): unknown {
  if (Array.isArray(where)) return Object.assign(where, { 0: withOwnPort(where[0]) })
  if (typeof where === 'object' && where !== null && 'port' in where) return { ...where, port: withOwnPort(where.port) }
  return portOf.get(Number(where)) ?? where
}

const address = Server.prototype.address
Server.prototype.address = function (this: Server) {
  const found = address.call(this)
  if (typeof found !== 'object' || found === null) return found
  return { ...found, port: nameOf.get(found.port) ?? found.port }
}

for (const [{ prototype }, name] of [
  [Server, 'listen'],
  [Socket, 'connect'],
] as const) {
  const method: (this: unknown, ...args: unknown[]) => unknown = Reflect.get(prototype, name)
  Object.assign(prototype, {
    [name](this: unknown, where: unknown, ...rest: unknown[]) {
      return method.call(this, withOwnPort(where), ...rest)
    },
  })
}
