/** Topics and payloads have types: wrong names, parameters and values do not compile. */
import { type } from 'arktype'
import { z } from 'zod'
import {
  type Broker,
  json,
  type Message,
  number,
  type PayloadInput,
  type PayloadOutput,
  schemas,
  type TopicParams,
  text,
  topic,
} from '../../lib/index.js'
import { expectType, type Same } from './expect.js'

const temperature = topic('sensors/:room/temperature')
expectType<Same<TopicParams<'a/:b/c/:d/*e'>, { b: string; d: string; e: string }>>(true)
expectType<Same<TopicParams<string>, Record<string, string>>>(true)

// Names.
expectType<string>(temperature.name({ room: 'kitchen' }))
expectType<string>(temperature.name({ room: 7 }))
expectType<string>(topic('plain').name())
expectType<{ room: string } | undefined>(temperature.match('sensors/kitchen/temperature'))
// @ts-expect-error a level is missing
temperature.name({})
// @ts-expect-error a level is missing
temperature.name()
// @ts-expect-error there is no such level
temperature.name({ room: 'kitchen', floor: 1 })
// @ts-expect-error a level is a string or a number
temperature.name({ room: true })
// @ts-expect-error there is no such level
temperature.match('sensors/kitchen/temperature')?.floor

// Payloads.
const Temperature = z.object({ celsius: z.number() })
expectType<Same<PayloadOutput<typeof Temperature>, { celsius: number }>>(true)
const length = z.string().transform(value => value.length)
expectType<Same<PayloadInput<typeof length>, string>>(true)
expectType<Same<PayloadOutput<typeof length>, number>>(true)
const point = json<{ x: number }>()
expectType<Same<PayloadInput<typeof point>, { x: number }>>(true)
const digits = number()
expectType<Same<PayloadOutput<typeof digits>, number>>(true)

// Rules.
schemas({ 'a/:b': Temperature, c: text(), d: { schema: number(), mode: 'report' } })
// @ts-expect-error there is no such mode
schemas({ a: { schema: text(), mode: 'ignore' } })
// @ts-expect-error this is no schema
schemas({ a: 'text' })

// On the broker.
declare const broker: Broker
const Arktype = type({ n: 'number' })
await broker.subscribe(temperature, Temperature, (value, params, packet) => {
  expectType<{ celsius: number }>(value)
  expectType<string>(params.room)
  expectType<Message>(packet)
})
await broker.subscribe(temperature, Arktype, value => expectType<number>(value.n))
await broker.subscribe(temperature, number(), value => expectType<number>(value))
await broker.subscribe(temperature, packet => expectType<Message>(packet))
await broker.publish(temperature, { room: 'kitchen' }, Temperature, { celsius: 21 })
// @ts-expect-error the value is of another type
await broker.publish(temperature, { room: 'kitchen' }, Temperature, { celsius: 'warm' })
// @ts-expect-error there is no such level
await broker.publish(temperature, { floor: 1 }, Temperature, { celsius: 21 })
// @ts-expect-error a value has no such field
await broker.subscribe(temperature, Temperature, value => value.kelvin)
// @ts-expect-error the topic has no such level
await broker.subscribe(temperature, Temperature, (_value, params) => params.floor)
for await (const message of broker.messages(temperature, { retained: true, bound: 10 })) expectType<Message>(message)
// @ts-expect-error there is no such policy
broker.messages('a', { overflow: 'wait' })
expectType<Message>(await broker.request('a', 'b', { timeoutMs: 10 }))
// @ts-expect-error an answer is text, bytes, or an object with a payload
await broker.respond('a', () => 7)
