/**
 * Loaded into the process of each test file: when it exits, one line of JSON says how many seconds it took.
 * Knows where to write (ANAX_TEST_SECONDS) and nothing of the tests.
 */
import { appendFileSync } from 'node:fs'

const [, file = ''] = process.argv
const { ANAX_TEST_SECONDS: target } = process.env

// Programs that a test starts are part of its time already.
if (target !== undefined && /\.test\.m?js$/.test(file)) {
  process.once('exit', () => {
    const { user, system } = process.cpuUsage()
    const line = { file, seconds: performance.now() / 1e3, cpu: (user + system) / 1e6 }
    appendFileSync(target, `${JSON.stringify(line)}\n`)
  })
}
