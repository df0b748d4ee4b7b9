/** Mosquitto's clients with most of their options, on the running command. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type RunningBroker, startCommand } from '../support/programs/command.js'
import {
  MOSQUITTO_VERSIONS,
  type MosquittoVersion,
  messagesOf,
  mosquittoPub,
  mosquittoSub,
  startMosquittoSub,
  withoutMosquitto,
} from '../support/programs/mosquitto.js'

for (const version of Object.keys(MOSQUITTO_VERSIONS) as MosquittoVersion[]) {
  describe(`Mosquitto's clients, MQTT ${version}`, { skip: withoutMosquitto }, () => {
    let broker: RunningBroker
    before(async () => {
      broker = await startCommand('--log-level', 'debug')
    })
    after(() => broker.process.stop())

    const subscribe = (...args: string[]) => mosquittoSub(broker.port, version, ...args)
    const publish = (...args: string[]) => mosquittoPub(broker.port, version, ...args)

    for (const qos of ['0', '1', '2']) {
      it(`publish and subscribe with QoS ${qos}`, async () => {
        const subscriber = await subscribe('-t', `qos/${qos}/#`, '-q', qos, '-C', '2')
        await publish('-t', `qos/${qos}/a`, '-q', qos, '-m', 'first')
        await publish('-t', `qos/${qos}/b/c`, '-q', qos, '-m', 'second')
        assert.equal((await subscriber.finished()).code, 0)
        assert.deepEqual(messagesOf(subscriber), [`0 ${qos} qos/${qos}/a first`, `0 ${qos} qos/${qos}/b/c second`])
      })
    }

    it('get the lower QoS of publisher and subscriber', async () => {
      const subscriber = await subscribe('-t', 'lower', '-q', '1', '-C', '2')
      await publish('-t', 'lower', '-q', '2', '-m', 'two')
      await publish('-t', 'lower', '-q', '0', '-m', 'none')
      await subscriber.finished()
      assert.deepEqual(messagesOf(subscriber), ['0 1 lower two', '0 0 lower none'])
    })

    it('get retained messages, and none after they are cleared', async () => {
      await publish('-t', 'kept/a', '-q', '1', '-r', '-m', 'old')
      await publish('-t', 'kept/a', '-q', '1', '-r', '-m', 'new')
      await publish('-t', 'kept/b', '-q', '1', '-r', '-m', 'gone')
      await publish('-t', 'kept/b', '-q', '1', '-r', '-n')
      const subscriber = await subscribe('-t', 'kept/+', '-q', '1', '-C', '2')
      await publish('-t', 'kept/c', '-q', '1', '-m', 'live')
      await subscriber.finished()
      assert.deepEqual(messagesOf(subscriber), ['1 1 kept/a new', '0 1 kept/c live'])
    })

    it('leave a will if they are killed, and none if they disconnect', async () => {
      const watcher = await subscribe('-t', 'will/#', '-q', '1', '-C', '2')
      const will = (name: string) => ['--will-topic', `will/${name}`, '--will-payload', 'gone', '--will-qos', '1']
      await publish('-t', 'elsewhere', '-m', 'x', ...will('polite'))
      const killed = await subscribe('-t', 'x', ...will('killed'))
      await killed.stop('SIGKILL')
      await publish('-t', 'will/end', '-q', '1', '-m', 'of test')
      await watcher.finished()
      assert.deepEqual(messagesOf(watcher).sort(), ['0 1 will/end of test', '0 1 will/killed gone'])
    })

    it('resume a stored session', async () => {
      const persistent = version === '5.0' ? ['-c', '-x', '60'] : ['-c']
      const session = ['-i', `stored-${version}`, ...persistent, '-t', 'stored/#', '-q', '2']
      // no signal: a client that is printing may deadlock in its signal handler
      await (await subscribe(...session, '-E')).finished()
      for (const [qos, payload] of ['zero', 'one', 'two'].entries()) {
        await publish('-t', 'stored/x', '-q', `${qos}`, '-m', payload)
      }
      const back = startMosquittoSub(broker.port, version, ...session, '-C', '2')
      await back.finished()
      assert.deepEqual(messagesOf(back), ['0 1 stored/x one', '0 2 stored/x two'])
    })
  })
}
