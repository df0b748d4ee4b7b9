/** How a store distinguishes one run of the machine from another, on each system. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { bootId } from '../../../lib/persistence/lmdb/file/boot.js'

function pretend(context: TestContext, platform: NodeJS.Platform): void {
  const real = process.platform
  Object.defineProperty(process, 'platform', { value: platform })
  context.after(() => Object.defineProperty(process, 'platform', { value: real }))
}

describe('the boot id of the machine', () => {
  const isTold = process.platform === 'linux' || process.platform === 'darwin'

  it(isTold ? 'is the same each time' : 'is not known on this system', () => {
    const id = bootId()
    assert.equal(bootId(), id)
    if (isTold) assert.match(id ?? '', /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i)
    else assert.equal(id, undefined)
  })

  it('is not known on Windows and other systems, where a store relies on what is on disk', context => {
    for (const platform of ['win32', 'freebsd'] as const) {
      pretend(context, platform)
      assert.equal(bootId(), undefined)
    }
  })

  it('is not known if the system does not answer', context => {
    pretend(context, process.platform === 'darwin' ? 'linux' : 'darwin')
    assert.equal(bootId(), undefined)
  })
})
