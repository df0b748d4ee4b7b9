/** A microservice of NestJS over MQTT, which adds up numbers. Knows no broker. */
import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { MessagePattern } from '@nestjs/microservices'

@Controller()
export class SumsController {
  @MessagePattern('sum')
  sum(numbers: number[]): number {
    return numbers.reduce((sum, number) => sum + number, 0)
  }
}

@Module({ controllers: [SumsController] })
export class SumsModule {}
