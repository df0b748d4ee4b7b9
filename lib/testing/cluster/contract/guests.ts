/**
 * The contract of those that join only to import or to export: they disturb no node, and an export finds the records of
 * all clients.
 */
import assert from 'node:assert/strict'
import { all, claim, type Harness, type TestNode, unique, until } from './harness.js'

const BYTES = Buffer.from([1])

/** Defines them. */
export function defineGuestTests(harness: Harness): void {
  harness.test('a guest takes care of no session, and no node hears of it', async nodes => {
    const one = await nodes.join()
    const guest = await nodes.join(unique('guest'), 'import')
    const clients = Array.from({ length: 20 }, () => unique('client'))
    for (const clientId of clients) {
      await one.node.release(await claim(one, clientId), 'keep', {
        records: { a: BYTES },
        deadline: { at: Date.now() },
      })
    }
    await until(() => clients.every(clientId => one.deadlines.has(clientId)))
    const imported = unique('client')
    await guest.node.release(await claim(guest, imported), 'keep', { records: { a: BYTES }, deadline: { at: 1 } })
    await until(() => one.deadlines.has(imported))
    assert.deepEqual([...guest.deadlines], [])
    const nodesOf = ({ node }: TestNode) => node.stats().nodes.map(other => other.node)
    assert.deepEqual([nodesOf(one), nodesOf(guest), one.changes], [[one.node.node], [one.node.node], []])
    // what it leaves behind is seen to
    const left = unique('client')
    await claim(guest, left)
    await guest.node.leave()
    await until(() => one.orphans.includes(left), 'the orphan')
  })

  harness.test('an export reads the records of all clients, and claims none', async nodes => {
    const one = await nodes.join()
    const [away, used, looked, gone] = ['away', 'in/use+#', 'looked %.*>', 'gone'].map(unique) as [
      string,
      string,
      string,
      string,
    ]
    const long = unique('long'.repeat(100))
    const big = Buffer.alloc(3000, 7)
    await one.node.release(await claim(one, away), 'keep', { records: { a: BYTES, b: big } })
    await one.node.write(await claim(one, used), { records: { a: BYTES } })
    await one.node.release(await claim(one, looked), 'keep', { records: { a: BYTES } })
    await one.node.claimIfFree(looked)
    await one.node.release(await claim(one, long), 'keep', { records: { a: BYTES } })
    await one.node.release(await claim(one, gone), 'forget', { records: { a: BYTES } })
    const reader = await nodes.join(unique('guest'), 'export')
    const found = new Map((await all(reader.node.stored())).map(({ clientId, ...stored }) => [clientId, stored]))
    assert.deepEqual([...found.keys()].sort(), [away, used, looked, long].sort())
    assert.deepEqual([found.get(away)!.records.get('a'), found.get(away)!.records.get('b')].map(toBuffer), [BYTES, big])
    assert.deepEqual(
      [away, used, looked, long].map(clientId => found.get(clientId)!.isInUse),
      [false, true, false, false],
    )
    assert.deepEqual(one.asked, [])
  })
}

function toBuffer(bytes: Uint8Array | undefined): Buffer | undefined {
  return bytes && Buffer.from(bytes)
}
