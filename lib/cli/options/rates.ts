/** The options about rates, delays and flapping: their syntax, and the corresponding options of the broker. */
import type { BrokerOptions } from '../../../types/broker/options.js'
import type { RateOptions, Rates } from '../../../types/client/rates.js'
import { usageError } from '../command-error.js'
import type { Values } from './options.js'

export type RateSettings = Pick<BrokerOptions, 'rates' | 'authenticationDelay' | 'flapping'>

/** Name in `messages=100,bytes=1000000,connects=5` -> rate of the broker. */
const WORDS: Readonly<Record<string, keyof Rates>> = {
  messages: 'messagesPerSecond',
  bytes: 'bytesPerSecond',
  connects: 'connectsPerSecond',
}

const DAY_SECONDS = 86_400
const MAX_DELAY_MS = 60_000

/**
 * @param integer reads a whole number; undefined if the option is not set
 * @throws CommandError
 */
export function rateSettings(
  values: Values,
  integer: (name: 'rate-patience' | 'auth-delay' | 'flapping-ban', min: number, max: number) => number | undefined,
): RateSettings {
  const rates: RateOptions = {}
  for (const of of ['client', 'address', 'total'] as const) {
    const text = values[`${of}-rates`]
    if (text !== undefined) rates[of] = ratesIn(text, `${of}-rates`)
  }
  const patienceSeconds = integer('rate-patience', 1, DAY_SECONDS)
  if (patienceSeconds !== undefined) rates.patienceSeconds = patienceSeconds
  const firstDelayMs = values['auth-delay'] === 'off' ? undefined : (integer('auth-delay', 1, MAX_DELAY_MS) ?? 500)
  const banSeconds = integer('flapping-ban', 0, DAY_SECONDS)
  return {
    ...(Object.keys(rates).length > 0 && { rates }),
    ...(firstDelayMs !== undefined && { authenticationDelay: { firstDelayMs } }),
    ...(banSeconds !== undefined && { flapping: { banSeconds } }),
  }
}

function ratesIn(text: string, option: string): Rates {
  const rates: Rates = {}
  for (const part of text.split(',')) {
    const [, word = '', digits = ''] = /^([a-z]+)=(\d+(?:\.\d+)?)$/.exec(part) ?? []
    const name = Object.hasOwn(WORDS, word) ? WORDS[word] : undefined
    if (name === undefined || !(Number(digits) > 0)) {
      throw usageError(`--${option} takes messages=N,bytes=N,connects=N, or some of them, not '${text}'`)
    }
    rates[name] = Number(digits)
  }
  return rates
}
