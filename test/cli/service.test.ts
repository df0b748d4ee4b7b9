/** The command understands the files of examples/service. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { parseCommand } from '../../lib/cli/options/arguments.js'
import { missingSteps } from '../../lib/cli/options/public.js'
import { ROOT } from '../support/root.js'

const FOLDER = join(ROOT, 'examples/service')
const read = (name: string) => readFileSync(join(FOLDER, name), 'utf8')

/** Paths of this machine instead of the installed ones. */
const here = (args: readonly string[]) => args.map(arg => arg.replace('/etc/anax/anax.json', join(FOLDER, 'anax.json')))

function assertRuns(args: readonly string[]): void {
  const command = parseCommand(here(args))
  assert(command.name === 'run')
  assert.deepEqual(missingSteps(command.settings, 1000), [])
  assert.equal(command.settings.data, '/var/lib/anax')
}

describe('examples/service', () => {
  it('has the configuration at the end of docs/security/hardening.md', () => {
    const page = readFileSync(join(ROOT, 'docs/security/hardening.md'), 'utf8')
    assert.equal(read('anax.json'), /```json\n(.*?)```/s.exec(page)?.[1])
  })

  it('has a systemd unit that starts a safe broker', () => {
    const [, ...args] = /^ExecStart=\/usr\/bin\/env (.*)$/m.exec(read('anax.service'))![1]!.split(' ')
    assertRuns(args)
  })

  const withoutSystemd =
    spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'systemd-analyze is not installed'
  it('has a unit that systemd accepts', { skip: withoutSystemd }, () => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', join(FOLDER, 'anax.service')], {
      encoding: 'utf8',
    })
    assert.doesNotMatch(stderr, /anax\.service/)
    assert.equal(status, 0)
  })

  it('has a container that starts a safe broker, and a health check', () => {
    const list = (instruction: RegExp) => JSON.parse(instruction.exec(read('Dockerfile'))![1]!) as string[]
    const [program, ...first] = list(/^ENTRYPOINT (.*)$/m)
    assert.equal(program, 'anax')
    assertRuns([...first, ...list(/^CMD (.*)$/m)])
    const [, ...health] = list(/^HEALTHCHECK .*CMD (.*)$/m)
    assert.equal(parseCommand(health).name, 'sub-command')
    assert.ok(health.includes('/var/lib/anax/admin-token'), 'the token is in the folder of the store')
  })
})
