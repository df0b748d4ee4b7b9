/**
 * The exports of `anax/aedes`: Aedes's interface on a broker of Anax, including the ways of creating a broker before
 * release 1.0: calling the module, and `Server`.
 */
import { Aedes } from './aedes.js'
import { AedesClient } from './client.js'
import { type AedesOptions, AuthErrorCode } from './types.js'

export type { ClientBroker, DisconnectInput, RequestWithDetails } from './client.js'
export type * from './types.js'
export { Aedes, AedesClient, AuthErrorCode }

/** The result of `require('anax/aedes')`: as in Aedes before 1.0, a function with all exports as properties. */
export interface AedesModule {
  /** Creates a broker that starts by itself. */
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

/** A broker that starts by itself. Streams that are passed before it has started wait. */
class AutoStarting extends Aedes {
  constructor(options?: AedesOptions) {
    super(options)
    this.startByItself()
  }
}

function aedes(options?: AedesOptions): Aedes {
  return new AutoStarting(options)
}

/** Creates a broker that starts by itself, with or without `new`, as in Aedes before 1.0. */
const Server = Object.assign(aedes, {
  Aedes,
  AedesClient,
  AuthErrorCode,
  createBroker: Aedes.createBroker,
}) as unknown as AedesModule
Server.Server = Server
Server.default = Server
// the same names, however the module is loaded
Server['module.exports'] = Server

/** Creates a broker and starts it. */
export const createBroker = Aedes.createBroker

// biome-ignore lint/style/noDefaultExport: Aedes has one
export { Server as default, Server, Server as 'module.exports' }
