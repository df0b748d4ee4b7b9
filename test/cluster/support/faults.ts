/** An engine with faults: a test replaces some operations of its nodes. */
import type { Cluster, ClusterNode } from '../../../types/cluster.js'

/** Replaces operations of each node that joins; what is not replaced is the node's own. */
export function withFaults(engine: Cluster, faultsOf: (node: ClusterNode) => Partial<ClusterNode>): Cluster {
  return {
    async join(request) {
      const node = await engine.join(request)
      const faults = faultsOf(node)
      return new Proxy(node, {
        get(target, name: keyof ClusterNode) {
          const value = faults[name] ?? target[name]
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
}

/** Something that waits until it is released. */
export class Gate {
  #open = () => {}
  /** Whether somebody waits. */
  isReached = false
  readonly #opened = new Promise<void>(resolve => {
    this.#open = resolve
  })

  pass(): Promise<void> {
    this.isReached = true
    return this.#opened
  }

  open(): void {
    this.#open()
  }
}
