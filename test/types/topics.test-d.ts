/** Topics and payloads have types: wrong names, parameters and values do not compile. */
import { z } from 'zod'
import {
  json,
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
