/**
 * The self time of each function in a sampling profile: its time without the functions that it calls. Knows the
 * profiler's names for time outside of functions; must not know what the functions do.
 */
import type { Profiler } from 'node:inspector'

/** The result of a profile. */
export interface Profile {
  functions: SelfTime[]
  /**
   * CPU time of the process, divided by the time in which its main thread was ready to run: below 1 if others had the
   * core.
   */
  presence: number
}

/** A function, or a state in brackets, and its self time. */
export interface SelfTime {
  name: string
  /** The URL of its file; empty for functions that are built into Node.js and V8. */
  url: string
  micros: number
}

const IDLE = '(idle)'
/** Our name, in the style of the profiler's. */
const POLLING = '(polling)'

/** For each node of the call tree, the time in which it was on top of the stack. */
function timesOfNodes({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const times = new Map<number, number>()
  for (const [i, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + timeDeltas[i]!)
  return times
}

/** The nodes of the tree without those of one file and all below them. */
function nodesWithout(url: string, { nodes }: Profiler.Profile): Profiler.ProfileNode[] {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const visit = (node: Profiler.ProfileNode): Profiler.ProfileNode[] =>
    node.callFrame.url === url ? [] : [node, ...(node.children ?? []).flatMap(id => visit(byId.get(id)!))]
  return visit(nodes[0]!)
}

/**
 * For the profiler everything is idle that the event loop does without JavaScript while it polls, including reads from
 * sockets. The part of that time in which the thread did not sleep is here as `(polling)`.
 * @param slept microseconds in which the thread had nothing to do @param ownUrl the file that took the profile: its
 * calls, and what they called, are ignored
 */
export function selfTimes(profile: Profiler.Profile, slept: number, ownUrl: string): SelfTime[] {
  const times = timesOfNodes(profile)
  const functions = new Map<string, SelfTime>()
  for (const { id, callFrame } of nodesWithout(ownUrl, profile)) {
    const isIdle = callFrame.functionName === IDLE
    const name = isIdle ? POLLING : callFrame.functionName
    const micros = Math.max(0, (times.get(id) ?? 0) - (isIdle ? slept : 0))
    const key = `${callFrame.url} ${name}`
    functions.set(key, { name, url: callFrame.url, micros: micros + (functions.get(key)?.micros ?? 0) })
  }
  return [...functions.values()].filter(({ micros }) => micros > 0)
}
