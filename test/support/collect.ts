/** The garbage collector, for tests of what is let go: no flag of the command line is needed. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects all that nobody can reach. What a WeakRef was asked about in this turn of the loop stays. */
export const collect = runInNewContext('gc') as () => void
