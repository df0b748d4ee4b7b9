/** A killed test file leaves neither processes nor temporary folders. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { it } from 'node:test'

const MODULE = new URL('./left-behind.js', import.meta.url).href

/** Starts a process that would run for long, in a folder, and that writes to the same pipe. */
const PROGRAM = `
import { spawn } from 'node:child_process'
import { endWithUs, folderOfOurs } from '${MODULE}'

const folder = folderOfOurs('anax-left-')
endWithUs(spawn('true'))
endWithUs(spawn('sleep', ['600'], { cwd: folder, stdio: ['ignore', 'inherit', 'ignore'] }))
console.log(folder)
setInterval(() => {}, 1000)
`

const skip = process.platform === 'win32' && 'needs a shell'

it('ends what a killed process has started, and removes its folders', { skip, timeout: 60_000 }, async () => {
  const args = ['--input-type=module', '--eval', PROGRAM]
  const killed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [folder] = (await once(createInterface(killed.stdout), 'line')) as [string]
  assert.ok(existsSync(folder))
  const removed = new Promise<void>(resolve => {
    const watcher = watch(dirname(folder), () => {
      if (existsSync(folder)) return
      watcher.close()
      resolve()
    })
  })
  killed.kill('SIGKILL')
  // the pipe ends with the last process that holds it
  await once(killed, 'close')
  await removed
})
