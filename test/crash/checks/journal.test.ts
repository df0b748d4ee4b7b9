/** Journals survive a kill in the middle of a line: that of the crash test, and that of the billing example. */
import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Journal as BillingJournal, readJournal } from '../../../examples/billing/journal.js'
import { Journal, JournalReader } from './journal.js'

describe('a journal', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'anax-journal-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  function recorder(): { numbers: number[]; apply: (entry: number) => void } {
    const numbers: number[] = []
    return { numbers, apply: entry => numbers.push(entry) }
  }

  it('has flushed entries after a restart, and applies new entries at once', () => {
    const path = join(folder, 'flushed')
    const [first, second] = [recorder(), recorder()]
    const journal = new Journal(path, first.apply)
    journal.note(1)
    journal.flush()
    journal.note(2)
    new Journal(path, second.apply)
    assert.deepEqual([first.numbers, second.numbers], [[1, 2], [1]])
  })

  it('drops an incomplete line, and continues in its place', () => {
    const path = join(folder, 'half')
    writeFileSync(path, '1\n23')
    const [next, looker] = [recorder(), recorder()]
    const reader = new JournalReader(path, looker.apply)
    reader.read()
    const journal = new Journal(path, next.apply)
    journal.note(4)
    journal.flush()
    reader.read()
    assert.deepEqual(
      [next.numbers, looker.numbers],
      [
        [1, 4],
        [1, 4],
      ],
    )
  })

  it('of billing drops an incomplete line, and continues in its place', () => {
    const path = join(folder, 'billing')
    writeFileSync(path, 'charge 1-1 7\ncharge 1-')
    const journal = new BillingJournal(path)
    journal.append('charge 1-2 8')
    journal.close()
    assert.deepEqual(readJournal(path), ['charge 1-1 7', 'charge 1-2 8'])
    appendFileSync(path, 'cha')
    assert.deepEqual(readJournal(path), ['charge 1-1 7', 'charge 1-2 8'])
  })
})
