/**
 * What a program pays for importing an entry point: heap that is in use afterwards, and CPU time, each in a fresh
 * process. Beside the others, what Node.js itself has, and Aedes.
 *
 *   npm run build && node dist/bench/costs/import.js
 *
 * The least of several processes counts: other work on the machine can only add CPU time.
 */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROUNDS = 7

/** The first one is a program with a socket, and the base of the others. */
const ENTRY_POINTS = ['node:net', 'anax', 'anax/server', 'anax/auth', 'anax/client', 'anax/nats', 'aedes'] as const

interface Cost {
  heap: number
  cpuMs: number
}

async function measure(entryPoint: string): Promise<Cost> {
  await import('node:net')
  const before = process.cpuUsage()
  await import(entryPoint)
  const { user, system } = process.cpuUsage(before)
  for (let i = 0; i < 4; i++) globalThis.gc!()
  return { heap: process.memoryUsage().heapUsed, cpuMs: (user + system) / 1000 }
}

function inFreshProcess(entryPoint: string): Cost {
  const args = ['--expose-gc', fileURLToPath(import.meta.url), entryPoint]
  return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

function least(entryPoint: string): Cost {
  const costs = Array.from({ length: ROUNDS }, () => inFreshProcess(entryPoint))
  return {
    heap: Math.min(...costs.map(({ heap }) => heap)),
    cpuMs: Math.min(...costs.map(({ cpuMs }) => cpuMs)),
  }
}

const [, , asked] = process.argv
if (asked !== undefined) {
  console.log(JSON.stringify(await measure(asked)))
} else {
  console.log(`Node.js ${process.version.slice(1)}`)
  for (const entryPoint of ENTRY_POINTS) {
    const { heap, cpuMs } = least(entryPoint)
    console.log(`${entryPoint.padEnd(12)} ${(heap / 1e6).toFixed(1).padStart(6)} MB ${cpuMs.toFixed(0).padStart(5)} ms`)
  }
}
