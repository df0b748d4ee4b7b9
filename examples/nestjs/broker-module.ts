/**
 * The broker as a provider of NestJS 11: MQTT over WebSocket on the port of the application, closed before that port
 * is. Knows no controller.
 */
import type { Server } from 'node:http'
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { Broker } from 'anax'
import { type AttachedWebSocket, attachWebSocket } from 'anax/server'

@Injectable()
export class MqttBroker extends Broker implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  @Inject(HttpAdapterHost) private readonly adapter!: HttpAdapterHost
  #webSocket: AttachedWebSocket | undefined

  /** The store is open before anything can use the broker. */
  onModuleInit(): Promise<void> {
    return this.listen()
  }

  /** The HTTP server exists now. */
  onApplicationBootstrap(): void {
    const server: Server = this.adapter.httpAdapter.getHttpServer()
    this.#webSocket = attachWebSocket(this, server, { path: '/mqtt' })
  }

  /** Before the HTTP server closes: it waits for its connections, and WebSockets do not end by themselves. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#webSocket?.close()
    await this.close()
  }
}

@Module({ providers: [MqttBroker], exports: [MqttBroker] })
export class BrokerModule {}
