/**
 * Loaded into the process of each test file: at exit, writes one line of JSON with its seconds. Knows where to
 * write (ANAX_TEST_SECONDS), and nothing of the tests.
 */
import { appendFileSync } from 'node:fs'

const [, file = ''] = process.argv
const { ANAX_TEST_SECONDS: target } = process.env

// Programs started by a test are included already.
if (target !== undefined && /\.test\.m?js$/.test(file)) {
  process.once('exit', () => {
    const { user, system } = process.cpuUsage()
    const line = { file, seconds: performance.now() / 1e3, cpu: (user + system) / 1e6 }
    appendFileSync(target, `${JSON.stringify(line)}\n`)
  })
}
