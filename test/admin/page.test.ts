/** The files of the dashboard: small, complete, and without anything from other servers. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { AdminServer, type Answer } from './admin-server.js'

const MAX_GZIPPED_BYTES = 150 * 1024

describe('the dashboard', () => {
  let server: AdminServer
  const files = new Map<string, Answer>()
  before(async () => {
    server = await AdminServer.start()
    for (const path of ['/', '/dashboard.js', '/dashboard.css', '/icon.svg']) files.set(path, await server.ask(path))
  })
  after(() => server.close())

  it('is served with every file that it names', () => {
    const page = files.get('/')!
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8')
    const named = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, name]) => `/${name}`)
    assert.deepEqual(named.toSorted(), [...files.keys()].filter(path => path !== '/').toSorted())
    assert.deepEqual(
      [...files.values()].map(({ status }) => status),
      [200, 200, 200, 200],
    )
  })

  it('is under 150 KB compressed', () => {
    const bytes = [...files.values()].map(({ text }) => gzipSync(text).length)
    assert.ok(bytes.reduce((sum, size) => sum + size) < MAX_GZIPPED_BYTES, String(bytes))
  })

  it('has no script and no style within the page, and nothing from other hosts', () => {
    const { text } = files.get('/')!
    assert.doesNotMatch(text, /<script>|<style|style=|\son\w+=|https?:/)
    assert.doesNotMatch(files.get('/dashboard.css')!.text, /url\(|@import|https?:/)
  })
})
