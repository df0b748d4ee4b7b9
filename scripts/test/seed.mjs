/**
 * Loaded into the process of each test file where ANAX_TEST_SEED is set: property tests draw the same cases each time.
 * Knows the seed and fast-check, and nothing of the tests.
 */
import { basename } from 'node:path'

const [, file = ''] = process.argv

if (/\.test\.m?js$/.test(basename(file))) {
  const { default: fc } = await import('fast-check')
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.ANAX_TEST_SEED) })
}
