/**
 * What a sampling profile says of each function: the time that it took itself, what it called left out. Knows the
 * profiler's own words for time that is nobody's; must not know what the functions are for.
 */
import type { Profiler } from 'node:inspector'

/** What a profile of a while says. */
export interface Profile {
  functions: SelfTime[]
  /** CPU time that the process got, to the time in which its main thread was ready to run: below 1 if others had it. */
  presence: number
}

/** A function, or in brackets something that is none, and the time it took itself. */
export interface SelfTime {
  name: string
  /** Where it is; empty for what is built into Node.js and V8. */
  url: string
  micros: number
}

const IDLE = '(idle)'
/** Our word, in the style of the profiler's. */
const POLLING = '(polling)'

/** For each node of the tree of calls, the time in which it was at the end of the stack. */
function timesOfNodes({ samples = [], timeDeltas = [] }: Profiler.Profile): Map<number, number> {
  const times = new Map<number, number>()
  for (const [i, id] of samples.entries()) times.set(id, (times.get(id) ?? 0) + timeDeltas[i]!)
  return times
}

/** The nodes of the tree but those of one file and all below them. */
function nodesWithout(url: string, { nodes }: Profiler.Profile): Profiler.ProfileNode[] {
  const byId = new Map(nodes.map(node => [node.id, node]))
  const visit = (node: Profiler.ProfileNode): Profiler.ProfileNode[] =>
    node.callFrame.url === url ? [] : [node, ...(node.children ?? []).flatMap(id => visit(byId.get(id)!))]
  return visit(nodes[0]!)
}

/**
 * The profiler calls everything idle that the event loop does without JavaScript while it polls, reading from
 * sockets included. What the thread did not sleep through of that time is here as `(polling)`.
 * @param slept microseconds that the thread had nothing to do
 * @param ownUrl the file of whoever took the profile: its calls, and what they called, are left out
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
