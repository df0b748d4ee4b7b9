/**
 * Searching retained messages with wildcards in the LMDB store: finds the right ones, without reading rows that cannot
 * match.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LmdbEnvironment } from '../../../lib/persistence/lmdb/engine/environment.js'
import type { KeyRange, Table } from '../../../lib/persistence/lmdb/engine/table.js'
import type { TableName } from '../../../lib/persistence/lmdb/engine/table-names.js'
import { LmdbWriter } from '../../../lib/persistence/lmdb/engine/writer.js'
import { LmdbDeadlines } from '../../../lib/persistence/lmdb/tables/deadlines.js'
import { LmdbRetained } from '../../../lib/persistence/lmdb/tables/retained.js'
import { all, message } from '../../../lib/testing/persistence/harness.js'
import { filterMatches, hasWildcard, isTopicFilter, isTopicName } from '../../../lib/topic/topic.js'
import { runs } from '../../support/effort.js'
import { temporaryFolder } from './folders.js'

/** Retained messages on these topics; counts the rows that are read. */
async function withRetained(
  topics: Iterable<string>,
  body: (find: (filter: string) => Promise<{ topics: string[]; seen: number }>) => Promise<void>,
): Promise<void> {
  const environment = await LmdbEnvironment.open(temporaryFolder(), 'off')
  let seen = 0
  const counting = {
    counters: environment.counters,
    table(name: TableName) {
      const table = environment.table(name)
      return Object.assign(Object.create(table) as Table<unknown>, {
        get: (key: Buffer) => table.get(key),
        put: (key: Buffer, value: unknown) => table.put(key, value),
        *scan(range: KeyRange) {
          for (const row of table.scan(range)) {
            seen++
            yield row
          }
        },
      })
    },
  } as unknown as LmdbEnvironment
  const writer = new LmdbWriter(environment, 'commit', () => {})
  const retained = new LmdbRetained(counting, writer, new LmdbDeadlines(environment), Date.now)
  await Promise.all(Array.from(topics, topic => retained.store(message({ topic, retain: true }))))
  try {
    await body(async filter => {
      seen = 0
      const found = await all(retained.match([filter]))
      return { topics: found.map(({ topic }) => topic), seen }
    })
  } finally {
    await writer.close()
    await environment.close()
  }
}

/**
 * Levels that sort before and after the slash, prefixes of each other, empty ones, longer ones than a key, special
 * ones.
 */
const level = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'ab', 'a!', 'a0', 'b.', '', 'é', '\u{1f600}', '\uffee', '$SYS') },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(940), `${'x'.repeat(940)}/b`, 'é'.repeat(600), 'y'.repeat(970)) },
)
const topicName = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map(levels => levels.join('/'))
  .filter(isTopicName)
const topicFilter = fc
  .array(fc.oneof(level, fc.constant('+')), { minLength: 1, maxLength: 4 })
  .chain(levels => fc.constantFrom(levels.join('/'), [...levels, '#'].join('/'), '#'))
  .filter(filter => isTopicFilter(filter) && hasWildcard(filter))

describe('retained messages on disk', () => {
  it('are found by any filter', () =>
    fc.assert(
      fc.asyncProperty(fc.uniqueArray(topicName, { maxLength: 40 }), fc.array(topicFilter), (topics, filters) =>
        withRetained(topics, async find => {
          for (const filter of filters) {
            const expected = topics.filter(topic => filterMatches(filter, topic))
            assert.deepEqual((await find(filter)).topics.sort(), expected.sort(), filter)
          }
        }),
      ),
      { numRuns: runs(60) },
    ))

  const FIRST = 30
  const SECOND = 100
  const grid = Array.from({ length: FIRST * SECOND }, (_, i) => `site-${i % FIRST}/sensor-${Math.floor(i / FIRST)}`)

  it('are found without reading topics that cannot match', () =>
    withRetained([...grid, ...grid.map(topic => `${topic}/unit`), '$SYS/uptime', '$SYS/load'], async find => {
      const found = async (filter: string) => {
        const { topics, seen } = await find(filter)
        return { matches: topics.length, seen }
      }
      // For each site the first topic, the match and the next one, and finally the first of the others.
      assert.deepEqual(await found('+/sensor-50'), { matches: FIRST, seen: 3 * FIRST + 1 })
      assert.deepEqual(await found('+/sensor-50/unit'), { matches: FIRST, seen: 3 * FIRST + 1 })
      assert.deepEqual(await found('+/absent'), { matches: 0, seen: FIRST + 1 })
      assert.deepEqual(await found('site-7/+/unit'), { matches: SECOND, seen: 2 * SECOND })
      assert.deepEqual(await found('site-7/#'), { matches: 2 * SECOND, seen: 2 * SECOND })
    }))
})
