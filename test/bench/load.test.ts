/** The load generator: separate and joined writes, and whose CPU time is counted. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { Answers, type Writes } from '../../bench/load/clients/answers.js'
import type { Client } from '../../bench/load/clients/client.js'
import { withDescendants } from '../../bench/measure.js'

function answersOf(writes: Writes): { answers: Answers; written: string[] } {
  const written: string[] = []
  const client = { write: (bytes: Buffer) => written.push(bytes.toString('hex')) } as unknown as Client
  return { answers: new Answers(client, writes), written }
}

/** Two packet identifiers. */
const packet = Buffer.from([0, 7, 1, 0])

describe('acknowledgements of the load', () => {
  it('are sent in one write for each received chunk', () => {
    const { answers, written } = answersOf('joined')
    answers.add(0x40, packet, 0)
    answers.add(0x50, packet, 2)
    assert.deepEqual(written, [])
    answers.flush()
    answers.flush()
    assert.deepEqual(written, ['4002000750020100'])
  })

  it('are sent in one write each, as segments', () => {
    const { answers, written } = answersOf('segments')
    answers.add(0x40, packet, 0)
    answers.add(0x50, packet, 2)
    answers.flush()
    assert.deepEqual(written, ['40020007', '50020100'])
  })
})

describe('the processes of a broker', () => {
  it('are the started process and its child processes', async () => {
    const child = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const [line] = await once(child.stdout, 'data')
      assert.deepEqual(withDescendants(child.pid!), [child.pid, Number(`${line}`)])
    } finally {
      for (const pid of withDescendants(child.pid!)) process.kill(pid, 'SIGKILL')
    }
  })
})
