/** Addresses that fail to authenticate wait longer and longer; other addresses are not affected. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { AuthenticationFailures } from '../../../lib/broker/admission/authentication-failures.js'
import { type Broker, createBroker } from '../../../lib/index.js'
import { FakeClock } from '../../../lib/testing/fake-clock.js'
import { Timers } from '../../../lib/util/scheduling/timers.js'
import type { Client } from '../../../types/client/client.js'
import { dialFrom } from '../../support/clients/from-address.js'

interface Scene {
  broker: Broker
  clock: FakeClock
  /** Tries a password. The answer is stored when it arrives. */
  attempt(address: string, password: string): Promise<{ code: number | undefined }>
}

async function withDelay(body: (scene: Scene) => Promise<void>, reasonCode = 0x86): Promise<void> {
  const clock = new FakeClock()
  const broker = await createBroker({
    clock,
    authenticationDelay: { freeFailures: 2, firstDelayMs: 1000, maxDelayMs: 4000, forgetAfterSeconds: 60 },
    authenticate: async (_client, _username, password) => password?.toString() === 'right' || { reasonCode },
  })
  const attempt = async (address: string, password: string) => {
    const answer: { code: number | undefined } = { code: undefined }
    dialFrom(broker, address)
      .connect({ username: 'u', password: Buffer.from(password) })
      .then(
        ({ reasonCode: code }) => {
          answer.code = code
        },
        () => {},
      )
    await clock.advance(0)
    return answer
  }
  try {
    await body({ broker, clock, attempt })
  } finally {
    const closing = broker.close()
    await clock.advance(60_000)
    await closing
  }
}

describe('failures to authenticate', () => {
  it('delay the next attempts from the same address, each longer than the one before', () =>
    withDelay(async ({ clock, attempt }) => {
      const delays: number[] = []
      for (let i = 0; i < 6; i++) {
        const answer = await attempt('10.0.0.1', 'wrong')
        let delay = 0
        for (; answer.code === undefined; delay += 500) await clock.advance(500)
        assert.equal(answer.code, 0x86)
        delays.push(delay)
      }
      assert.deepEqual(delays, [0, 0, 0, 1000, 2000, 4000])
    }))

  it('do not delay other addresses', () =>
    withDelay(async ({ attempt }) => {
      for (let i = 0; i < 3; i++) await attempt('127.0.0.1', 'wrong')
      const right = await attempt('127.0.0.1', 'right')
      assert.equal(right.code, undefined)
      assert.equal((await attempt('127.0.0.2', 'right')).code, 0)
    }))

  it('are forgotten after a success, or after some time', () =>
    withDelay(async ({ clock, attempt }) => {
      for (let i = 0; i < 3; i++) await attempt('10.0.0.1', 'wrong')
      const right = await attempt('10.0.0.1', 'right')
      await clock.advance(1000)
      assert.equal(right.code, 0)
      assert.equal((await attempt('10.0.0.1', 'wrong')).code, 0x86)
      for (let i = 0; i < 3; i++) await attempt('10.0.0.9', 'wrong')
      await clock.advance(61_000)
      assert.equal((await attempt('10.0.0.9', 'right')).code, 0)
    }))

  it('make the broker immediately refuse attempts that would have to wait too long', () =>
    withDelay(async ({ broker, clock, attempt }) => {
      for (let i = 0; i < 3; i++) await attempt('10.0.0.1', 'wrong')
      const answers = []
      for (let i = 0; i < 100; i++) answers.push(await attempt('10.0.0.1', 'wrong'))
      const refused = answers.filter(({ code }) => code === 0x9f)
      assert.equal(refused.length, 96)
      assert.equal(broker.stats().connections.refused.ANAX_ERR_AUTH_DELAY, 96)
      await clock.advance(5000)
      assert.ok(answers.every(({ code }) => code !== undefined))
    }))

  it('count only if credentials are wrong, not if the broker is busy', () =>
    withDelay(async ({ attempt }) => {
      for (let i = 0; i < 10; i++) assert.equal((await attempt('10.0.0.1', 'wrong')).code, 0x89)
    }, 0x89))

  it('of very many addresses use limited memory', () => {
    const failures = new AuthenticationFailures({}, new Timers(new FakeClock()))
    for (let i = 0; i < 20_000; i++)
      failures.failed({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}` } as Client)
    assert.equal(failures.size, 10_000)
  })
})
