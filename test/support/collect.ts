/** The garbage collector, for tests of memory that is released: needs no command line flag. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all unreachable objects. An object that a WeakRef has returned in this turn stays alive. */
export const collect = runInNewContext('gc') as () => void
