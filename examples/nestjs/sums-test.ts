/** The microservice in sums.ts, tested on a broker of the kit: NestJS's MQTT transport on both sides. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NestFactory } from '@nestjs/core'
import { ClientProxyFactory, type MicroserviceOptions, Transport } from '@nestjs/microservices'
import { startTestBroker } from 'anax/testing'
import { firstValueFrom } from 'rxjs'
import { SumsModule } from './sums.js'

test('adds up over MQTT', async () => {
  const t = await startTestBroker()
  const { url } = await t.listen()
  const options = { transport: Transport.MQTT, options: { url } } as const
  const service = await NestFactory.createMicroservice<MicroserviceOptions>(SumsModule, { ...options, logger: false })
  await service.listen()
  const client = ClientProxyFactory.create(options)
  assert.equal(await firstValueFrom(client.send('sum', [1, 2, 3])), 6)
  assert.deepEqual(
    t.messages.map(({ topic }) => topic),
    ['sum', 'sum/reply'],
  )
  await client.close()
  await service.close()
  await t.close()
  assert.deepEqual(t.leaks(), [])
})
