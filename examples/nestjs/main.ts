/**
 * An application of NestJS 11 with a broker inside: what is posted to /news is published over MQTT.
 *
 *   npx tsc --project examples/nestjs && node examples/nestjs/dist/main.js
 */
import 'reflect-metadata'
import { Controller, HttpCode, Inject, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { BrokerModule, MqttBroker } from './broker-module.js'

@Controller('news')
export class NewsController {
  @Inject(MqttBroker) private readonly broker!: MqttBroker

  @Post()
  @HttpCode(204)
  async publish(): Promise<void> {
    await this.broker.publish({ topic: 'news/today', payload: 'sunny', qos: 1, retain: true })
  }
}

@Module({ imports: [BrokerModule], controllers: [NewsController] })
export class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false })
app.enableShutdownHooks()
await app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1')
const url = await app.getUrl()
console.log(`Listening on ${url} and ${url.replace('http:', 'ws:')}/mqtt`)
