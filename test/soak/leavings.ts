/**
 * What a broker and its process hold: heap, handles, listeners, timers, sessions, messages, bytes on disk. Numbers
 * only.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Broker } from '../../lib/index.js'
import type { WatchedClock } from '../../lib/testing/leaks.js'

export type Leavings = Record<string, number>

/** The allowed growth; everything else must not grow at all. */
const MARGINS: Record<string, { factor: number; more: number }> = {
  'heap MiB': { factor: 1.1, more: 4 },
  'buffers MiB': { factor: 1.1, more: 4 },
  // LMDB keeps free pages in the file
  'store MiB': { factor: 1.5, more: 4 },
}

export function leavingsOf(broker: Broker, clock: WatchedClock, folder: string | undefined): Leavings {
  globalThis.gc?.()
  const { connections, sessions, subscriptions, retained, queued, waiting, inflight } = broker.stats()
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  const handles = process.getActiveResourcesInfo().filter(name => name !== 'Timeout' && name !== 'Immediate')
  return {
    'heap MiB': mib(heapUsed),
    'buffers MiB': mib(external + arrayBuffers),
    handles: handles.length,
    timers: clock.pendingTimers,
    listeners: listenersOf(process) + listenersOf(broker),
    connections: connections.open,
    sessions: sessions.total,
    subscriptions: subscriptions.total ?? 0,
    'shared groups': subscriptions.sharedGroups,
    retained: retained.messages!,
    queued: queued.messages ?? 0,
    waiting: waiting.messages,
    inflight,
    ...(folder !== undefined && { 'store MiB': mib(sizeOf(folder)) }),
  }
}

/** In words, what has grown. */
export function grown(base: Leavings, now: Leavings): string[] {
  return Object.entries(now).flatMap(([name, value]) => {
    const before = base[name] ?? 0
    const { factor, more } = MARGINS[name] ?? { factor: 1, more: 0 }
    return value > before * factor + more ? [`${name}: ${before} at first, ${value} now`] : []
  })
}

function listenersOf(emitter: {
  eventNames(): (string | symbol)[]
  listenerCount(name: string | symbol): number
}): number {
  return emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0)
}

function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0)
}

function mib(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10
}
