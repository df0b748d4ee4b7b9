/** The administration in a bundled application: the bundle contains the page, in every format. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { temporaryFolder } from '../support/tls/certificate.js'

const entry = (name: string) => fileURLToPath(new URL(`../../lib/${name}`, import.meta.url))
const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url))

/** Requests every file of the page; prints its status and size. */
const APPLICATION = `
  import http from 'node:http'
  import { createAdmin } from ${JSON.stringify(entry('admin/index.js'))}
  import { createBroker } from ${JSON.stringify(entry('index.js'))}
  createBroker().then(async broker => {
    const admin = createAdmin(broker)
    const server = http.createServer(admin.handle)
    await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
    const headers = { authorization: 'Bearer ' + admin.token }
    for (const path of ['', 'dashboard.js', 'dashboard.css', 'icon.svg']) {
      const response = await fetch('http://127.0.0.1:' + server.address().port + '/' + path, { headers })
      console.log(response.status, (await response.text()).length > 100)
    }
    server.closeAllConnections()
    server.close()
    await broker.close()
  })
`

describe('a bundle with the administration', () => {
  const folder = temporaryFolder()
  after(() => folder.remove())
  symlinkSync(packages, join(folder.path, 'node_modules'))

  for (const format of ['esm', 'cjs'] as const) {
    it(`serves the page (${format})`, () => {
      const outfile = join(folder.path, `application.${format === 'esm' ? 'mjs' : 'cjs'}`)
      const stdin = { contents: APPLICATION, resolveDir: dirname(entry('index.js')) }
      buildSync({ stdin, bundle: true, platform: 'node', format, outfile, packages: 'external', logLevel: 'error' })
      assert.equal(execFileSync(process.execPath, [outfile], { encoding: 'utf8' }), '200 true\n'.repeat(4))
    })
  }
})
