/** One address tries a thousand passwords at once, while a client at another address has the right one. */
import { connectPacket } from '../../packets.js'
import { pause, type Scenario } from '../scenario.js'

const ATTEMPTS = 1000
const OTHER_ADDRESS = '127.0.0.2'
const USER = { name: 'alice', password: 'correct horse battery staple' }
const HEALTHY_PAIR = { name: 'canary', password: 'yellow' }

/** Interval between attempts of a refused client. */
const RETRY_MS = 100

/** Duration of the attack. */
const PATIENCE_MS = 30_000

export const passwords: Scenario = {
  name: '1,000 wrong passwords, and the right one from another address',
  users: [HEALTHY_PAIR, USER],
  bounds: {},
  besideMosquitto: { letInMs: 1 },
  async prepare(broker, scale) {
    const connect = (clientId: string, password: string) =>
      connectPacket(clientId, { username: USER.name, password: Buffer.from(password) })
    const letIn = async () => {
      const until = performance.now() + PATIENCE_MS
      for (let i = 0; performance.now() < until; i++) {
        const answer = await broker.answerTo(connect(`right${i}`, USER.password), OTHER_ADDRESS)
        if (answer?.[3] === 0) return
        await pause(RETRY_MS)
      }
    }
    return async () => {
      const begun = performance.now()
      for (let i = 0; i < ATTEMPTS * scale; i++) void broker.answered(connect(`wrong${i}`, `guess ${i}`))
      await letIn()
      return { letInMs: performance.now() - begun }
    }
  },
}
