/** The ways in which releases of Aedes before 1.0 make a broker: by calling the module, and by `Server`. */
import { Aedes } from './aedes.js'
import type { AedesOptions } from './types.js'

/** A broker that starts by itself. What is handed to it before it has started waits. */
export class Server extends Aedes {
  constructor(options?: AedesOptions) {
    super(options)
    this.listen().catch(error => this.emit('error', error))
  }
}
