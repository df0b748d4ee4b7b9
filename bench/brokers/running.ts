/** A started broker under test, whatever program it is. A contract. */
import type { Profile } from '../profile/self-times.js'
import type { MemoryUse } from '../types.js'

export interface RunningBroker {
  pid: number
  port: number
  memory(): Promise<MemoryUse>
  /** Takes a profile of the broker; undefined if it does not run in Node. */
  profiler?: { start(): Promise<void>; stop(): Promise<Profile> }
  stop(): Promise<void>
}
