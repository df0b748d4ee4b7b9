/**
 * The collections of V8's garbage collector: notices full ones, and asks for collections. Owns V8's function that
 * collects. Must not know what is collected.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Collect = (options?: { type: 'minor' }) => void

let collect: Collect | undefined

/** Collects the young objects. Does nothing if the runtime cannot be asked for that. */
export function collectYoungObjects(): void {
  collector()({ type: 'minor' })
}

/** Collects the whole heap, which blocks the process meanwhile. Does nothing if the runtime cannot be asked for that. */
export function collectAllObjects(): void {
  // in Node.js 20, `{ type: 'major' }` collects young objects only
  collector()()
}

function collector(): Collect {
  collect ??= findCollect() ?? (() => {})
  return collect
}

const registry = new FinalizationRegistry((call: () => void) => call())

/** Calls back after the next full collection: only a full one notices that an object is no longer referred to. */
export function onFullCollection(call: () => void): void {
  registry.register({}, call)
}

/**
 * V8 gives its function `gc` to each context that is created while a flag is set. The flag is set for that moment only,
 * unless the process was started with it.
 */
function findCollect(): Collect | undefined {
  try {
    if (runInNewContext('typeof gc') === 'function') return runInNewContext('gc')
    setFlagsFromString('--expose-gc')
    try {
      return runInNewContext('gc')
    } finally {
      setFlagsFromString('--no-expose-gc')
    }
  } catch {
    // another runtime than Node.js
    return undefined
  }
}
