/**
 * Everything that `anax/aedes` exports: Aedes's interface on a broker of Anax; and the ways in which its releases before
 * 1.0 make a broker, by calling the module and by `Server`.
 */
import { Aedes } from './aedes.js'
import { AedesClient } from './client.js'
import { type AedesOptions, AuthErrorCode } from './types.js'

export type { ClientBroker, DisconnectInput, RequestWithDetails } from './client.js'
export type * from './types.js'
export { Aedes, AedesClient, AuthErrorCode }

/** What `require('anax/aedes')` is: as it was in Aedes before 1.0, a function with everything else on it. */
export interface AedesModule {
  /** Makes a broker that starts by itself. */
  new (options?: AedesOptions): Aedes
  /** The same without `new`. */
  (options?: AedesOptions): Aedes
  Server: AedesModule
  Aedes: typeof Aedes
  AedesClient: typeof AedesClient
  AuthErrorCode: typeof AuthErrorCode
  createBroker: typeof Aedes.createBroker
  default: AedesModule
  'module.exports': AedesModule
}

/** A broker that starts by itself. What is handed to it before it has started waits. */
class AutoStarting extends Aedes {
  constructor(options?: AedesOptions) {
    super(options)
    this.listen().catch(error => this.emit('error', error))
  }
}

function aedes(options?: AedesOptions): Aedes {
  return new AutoStarting(options)
}

/** Makes a broker that starts by itself, with or without `new`: how Aedes began before 1.0. */
const Server = Object.assign(aedes, {
  Aedes,
  AedesClient,
  AuthErrorCode,
  createBroker: Aedes.createBroker,
}) as unknown as AedesModule
Server.Server = Server
Server.default = Server
// the same names, whichever way the module is loaded
Server['module.exports'] = Server

/** Makes a broker and starts it. */
export const createBroker = Aedes.createBroker

// biome-ignore lint/style/noDefaultExport: Aedes has one
export { Server as default, Server, Server as 'module.exports' }
