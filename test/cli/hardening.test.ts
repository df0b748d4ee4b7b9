/**
 * `--public`: refuses each setup that lacks a step, and accepts the result of docs/security/hardening.md; warnings;
 * file modes.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { clientsWithin } from '../../lib/cli/broker/open-files.js'
import { makePrivate } from '../../lib/cli/broker/private-files.js'
import { certificateWarning, type Process, warningsOf } from '../../lib/cli/broker/warnings.js'
import { parseCommand } from '../../lib/cli/options/arguments.js'
import { missingSteps, missingText } from '../../lib/cli/options/public.js'
import type { Settings } from '../../lib/cli/options/settings.js'
import { ROOT } from '../support/root.js'
import { makeCertificate, temporaryFolder } from '../support/tls/certificate.js'

const page = readFileSync(join(ROOT, 'docs/security/hardening.md'), 'utf8')
const recommended: Record<string, string | number | boolean> = JSON.parse(/```json\n(.*?)```/s.exec(page)![1]!)
const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)

type Values = Record<string, string | number | boolean | undefined>

/** Options as on the command line; false and undefined omit one. */
function settingsOf(options: Values): Settings {
  const args = Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return []
    return value === true ? [`--${name}`] : [`--${name}=${value}`]
  })
  const command = parseCommand(args)
  assert(command.name === 'run')
  return command.settings
}

const ANYBODY = 1000

function stepsMissing(changes: Record<string, string | boolean | undefined>, userId: number | undefined = ANYBODY) {
  return missingSteps(settingsOf({ ...recommended, ...changes }), userId).map(({ step }) => step)
}

describe('--public', () => {
  it('accepts what docs/security/hardening.md recommends', () => {
    assert.equal(settingsOf(recommended).isPublic, true)
    assert.deepEqual(stepsMissing({}), [])
    assert.deepEqual(stepsMissing({}, undefined), [], 'systems without user ids')
  })

  it('names a missing step', () => {
    assert.deepEqual(stepsMissing({}, 0), ['A user of its own'])
    assert.deepEqual(stepsMissing({ port: '1883' }), ['TLS'])
    assert.deepEqual(stepsMissing({ 'ws-port': undefined }), ['TLS'])
    assert.deepEqual(stepsMissing({ 'tls-port': undefined, cert: undefined, key: undefined, port: '1883' }), [
      'TLS',
      'TLS',
    ])
    assert.deepEqual(stepsMissing({ 'allow-anonymous': true }), ['Authentication'])
    assert.deepEqual(stepsMissing({ 'password-file': undefined, user: 'a:b' }), ['Authentication', 'Authentication'])
    assert.deepEqual(stepsMissing({ 'auth-delay': 'off' }), ['Authentication'])
    assert.deepEqual(stepsMissing({ 'acl-file': undefined }), ['Authorization'])
    assert.deepEqual(stepsMissing({ 'max-connections': undefined }), ['Limits'])
    assert.deepEqual(stepsMissing({ 'max-session-expiry': undefined }), ['Limits'])
    assert.deepEqual(stepsMissing({ 'client-rates': undefined }), ['Rates'])
    assert.deepEqual(stepsMissing({ 'address-rates': 'messages=5' }), ['Rates'])
    assert.deepEqual(stepsMissing({ data: undefined, memory: true }), ['Storage'])
    assert.deepEqual(stepsMissing({ metrics: '0.0.0.0:9100' }), ['Administration'])
  })

  it('accepts other kinds of authentication', () => {
    assert.deepEqual(stepsMissing({ 'password-file': undefined, 'jwt-key': 'k', 'jwt-algorithms': 'RS256' }), [])
    assert.deepEqual(stepsMissing({ 'password-file': undefined, 'tls-identity': 'cn', ca: 'ca.pem' }), [])
  })

  it('lists every step at once, by the headings of the page', () => {
    const all = missingSteps(settingsOf({ public: true, host: '0.0.0.0', memory: true }), 0)
    assert.ok(all.length > 8)
    for (const { step } of all) assert.ok(headings.includes(step), step)
    assert.match(
      missingText(all),
      /^--public: these steps of docs\/security\/hardening\.md are missing\n {2}A user of its own: /,
    )
  })
})

describe('the warnings at the start', () => {
  const open = { host: '0.0.0.0', 'password-file': 'users.txt' }

  const warnings = (values: Values, process: Partial<Process> = {}) =>
    warningsOf(settingsOf(values), { userId: ANYBODY, clientsThatFit: 10_000, ...process })

  it('are about passwords on unencrypted public listeners, and about root', () => {
    assert.deepEqual(warnings({}), [])
    const [plain = ''] = warnings(open)
    assert.match(plain, /^passwords cross the network unencrypted on port 1883 and 8083: /)
    assert.deepEqual(warnings({ ...open, host: '127.0.0.1' }), [])
    assert.deepEqual(warnings(recommended), [])
    assert.match(warnings({}, { userId: 0 })[0] ?? '', /^running as root/)
  })

  it('are about more clients than the process may have open files', () => {
    assert.deepEqual(warnings({ 'max-connections': '900' }, { clientsThatFit: 900 }), [])
    const [files = ''] = warnings({ 'max-connections': '901' }, { clientsThatFit: 900 })
    assert.match(files, /^the limit of open files allows 900 clients, fewer than --max-connections: /)
  })
})

it('as many clients fit as there are descriptors, less those of the store and of clients that are refused', () => {
  const limits = (soft: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax open files            ${soft}  4096  files`
  assert.equal(clientsWithin(limits('1024')), 872)
  assert.equal(clientsWithin(limits('10')), 1)
  assert.equal(clientsWithin(limits('unlimited')), Number.POSITIVE_INFINITY)
})

it('an expired certificate, or one that is not valid yet, causes a warning', async () => {
  const { cert } = await makeCertificate()
  const { validFrom, validTo } = new X509Certificate(cert)
  const [begin, end] = [Date.parse(validFrom), Date.parse(validTo)]
  assert.equal(certificateWarning(cert, begin + 1), undefined)
  assert.equal(certificateWarning(cert, begin - 1000), `the certificate of --cert is not valid before ${iso(begin)}`)
  assert.equal(certificateWarning(cert, end + 1000), `the certificate of --cert expired at ${iso(end)}`)
  function iso(time: number): string {
    return new Date(time).toISOString()
  }
})

describe('the rates of the command', () => {
  it('are those of the broker', () => {
    const { rates } = settingsOf({ ...recommended, 'rate-patience': '5', 'auth-delay': '250', 'flapping-ban': '300' })
    assert.deepEqual(rates, {
      rates: {
        client: { messagesPerSecond: 100, bytesPerSecond: 1_000_000, connectsPerSecond: 1 },
        address: { connectsPerSecond: 20 },
        total: { messagesPerSecond: 20_000, connectsPerSecond: 500 },
        patienceSeconds: 5,
      },
      authenticationDelay: { firstDelayMs: 250 },
      flapping: { banSeconds: 300 },
    })
    assert.deepEqual(settingsOf({}).rates, { authenticationDelay: { firstDelayMs: 500 } })
    assert.deepEqual(settingsOf({ 'auth-delay': 'off' }).rates, {})
  })

  it('are refused if their format is wrong', () => {
    for (const text of [
      '100',
      'messages',
      'messages=',
      'messages=0',
      'messages=-1',
      'packets=5',
      'messages=5;bytes=6',
    ]) {
      assert.throws(() => settingsOf({ 'client-rates': text }), /--client-rates takes messages=N,bytes=N,connects=N/)
    }
  })
})

describe('the folder of the store', { skip: process.platform === 'win32' && 'Windows has no such modes' }, () => {
  const folder = temporaryFolder()
  after(() => folder.remove())
  const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

  it('is created for its user only, and an existing one is closed to others', () => {
    const fresh = join(folder.path, 'a/b')
    makePrivate(fresh)
    assert.equal(modeOf(fresh), '700')
    const older = join(folder.path, 'older')
    mkdirSync(older)
    writeFileSync(join(older, 'data'), '')
    chmodSync(older, 0o755)
    chmodSync(join(older, 'data'), 0o644)
    makePrivate(older)
    assert.deepEqual([modeOf(older), modeOf(join(older, 'data'))], ['700', '600'])
  })

  it('that cannot be created is reported in one line', () => {
    writeFileSync(join(folder.path, 'file'), '')
    assert.throws(() => makePrivate(join(folder.path, 'file/below')), /^CommandError: cannot use |cannot use /)
  })
})
