/**
 * `anax sub`: prints the messages of one or several filters, until enough are printed or it is ended. Owns its options,
 * and when it reconnects; message-format.ts formats messages.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { AnaxError, type SubscribeOptions } from '../../client/index.js'
import { CommandError, usageError } from '../command-error.js'
import { numberOf, parseOptions, type SubCommand } from '../options/sub-command.js'
import { CLIENT_OPTIONS, CLIENT_USAGE, type Target, targetOf } from './client-options.js'
import { DialError, type Dialled, dial, sentenceOf } from './dial.js'
import { FORMS } from './message-format.js'
import { Printing } from './printing.js'

export const SUBSCRIBE_OPTIONS = {
  topic: { type: 'string', short: 't', multiple: true },
  qos: { type: 'string', short: 'q' },
  output: { type: 'string', short: 'o' },
  verbose: { type: 'boolean', short: 'v' },
  count: { type: 'string', short: 'C' },
  time: { type: 'string', short: 'W' },
  'no-retained': { type: 'boolean', short: 'R' },
  'retained-only': { type: 'boolean' },
  'keep-session': { type: 'boolean', short: 'c' },
  'session-expiry': { type: 'string', short: 'x' },
  ...CLIENT_OPTIONS,
} as const

export const SUBSCRIBE_USAGE = `Usage: anax sub -t FILTER [options]

Prints the payloads of the messages that come, a line each, until it is ended. If the
connection is lost it connects again, after 1 second at first and 30 at last.

Messages
  -t, --topic FILTER      what to subscribe to: 'a/+/b', 'a/#'; may be repeated
  -q, --qos QOS           highest quality of service: 0, 1 or 2       [0]
  -o, --output FORM       text, json (an object a line) or hex        [text]
  -v, --verbose           the topic before each payload
  -C, --count N           end after N messages
  -W, --time SECONDS      end after that time
  -R, --no-retained       no retained messages
  --retained-only         nothing but retained messages
  -c, --keep-session      have the broker keep messages while it is away; needs --id
  -x, --session-expiry S  for so many seconds (MQTT 5.0)              [4294967295]

${CLIENT_USAGE}
Exit codes: 0 all messages of --count came, or the time of --time is over, or the reader of
the output is gone; 1 no connection, or a subscription was refused; 2 wrong options; 3 the
time is over before --count messages came; 130 and 143 ended by SIGINT and SIGTERM.
`

const FIRST_DELAY_MS = 1000
const LAST_DELAY_MS = 30_000

/** `tooFew`: the time ended before the requested number of messages arrived. */
const EXIT_CODES = { tooFew: 3, SIGINT: 130, SIGTERM: 143 } as const

/** Another client has taken the identifier: reconnecting would disconnect that one. */
const SESSION_TAKEN_OVER = 0x8e

interface Settings {
  target: Target
  filters: string[]
  options: SubscribeOptions
  printing: Printing
  /** Undefined for no limit. */
  timeMs: number | undefined
}

/** @throws CommandError */
export function subscribeCommand(args: readonly string[]): SubCommand {
  const { values, positionals } = parseOptions('sub', args, SUBSCRIBE_OPTIONS)
  if (values.help) return { name: 'sub-command', run: async () => void process.stdout.write(SUBSCRIBE_USAGE) }
  if (positionals.length > 0) {
    const hint = 'put a filter in quotes, or the shell may replace it'
    throw usageError(`there is nothing to do with '${positionals[0]}': ${hint}`, 'sub')
  }
  const settings = settingsOf(values)
  return { name: 'sub-command', run: () => subscribe(settings) }
}

type Values = ReturnType<typeof parseOptions<typeof SUBSCRIBE_OPTIONS>>['values']

function settingsOf(values: Values): Settings {
  const { topic: filters = [], output = 'text', count, time } = values
  if (filters.length === 0 || filters.includes('')) throw usageError('--topic is missing', 'sub')
  const form = FORMS.find(name => name === output)
  if (form === undefined) throw usageError(`--output takes ${FORMS.join(', ')}, not '${output}'`, 'sub')
  const target = targetOf('sub', values)
  const [withoutRetained, retainedOnly] = [values['no-retained'] ?? false, values['retained-only'] ?? false]
  if (withoutRetained && retainedOnly) throw usageError('--no-retained and --retained-only exclude each other', 'sub')
  return {
    target: keepingSession({ ...target, connect: { ...target.connect, acknowledge: 'manual' } }, values),
    filters,
    options: {
      qos: numberOf('sub', 'qos', values.qos ?? '0', 0, 2) as 0 | 1 | 2,
      ...(withoutRetained && target.hasProperties && { rh: 2 }),
    },
    printing: new Printing({
      form,
      withTopic: values.verbose ?? false,
      isTerminal: process.stdout.isTTY === true,
      most: count === undefined ? undefined : numberOf('sub', 'count', count, 1, Number.MAX_SAFE_INTEGER),
      retained: withoutRetained ? 'without' : retainedOnly ? 'only' : 'with',
    }),
    timeMs: time === undefined ? undefined : numberOf('sub', 'time', time, 1, 2_000_000) * 1000,
  }
}

function keepingSession(target: Target, values: Values): Target {
  const { 'keep-session': isKept = false, 'session-expiry': expiry, id } = values
  if (!isKept && expiry === undefined) return target
  if (id === undefined) throw usageError('a session that is kept needs --id', 'sub')
  if (expiry !== undefined && !target.hasProperties) throw usageError('--session-expiry needs MQTT 5.0', 'sub')
  const sessionExpiryInterval = numberOf('sub', 'session-expiry', expiry ?? '4294967295', 0, 0xffff_ffff)
  const properties = target.hasProperties ? { properties: { sessionExpiryInterval } } : {}
  return { ...target, connect: { ...target.connect, clean: false, ...properties } }
}

/** Ends if the first attempt fails: that is more likely a wrong address than an outage. */
async function subscribe(settings: Settings): Promise<void> {
  const { printing, timeMs } = settings
  let dialled: Dialled | undefined
  const connect = async () => {
    dialled = await dial(settings.target)
    try {
      await request(dialled, settings)
    } catch (error) {
      // a signal may have ended the connection before SUBACK
      if (!printing.isOver) throw error
    }
    return dialled
  }
  const end = (exitCode: number) => {
    process.exitCode = exitCode
    printing.isOver = true
    // messages end with the connection; without one, it waits to connect
    if (dialled?.connection.connected) void dialled.connection.disconnect()
    else process.exit()
  }
  process.once('SIGINT', () => end(EXIT_CODES.SIGINT))
  process.once('SIGTERM', () => end(EXIT_CODES.SIGTERM))
  process.stdout.once('error', () => end(0))
  if (timeMs !== undefined) setTimeout(() => end(printing.isCounting ? EXIT_CODES.tooFew : 0), timeMs).unref()
  let current = await connect()
  for (;;) {
    await printing.print(current.connection)
    if (printing.isOver) break
    const reason = await reasonOf(current)
    dialled = undefined
    current = await connectAgain(connect, reason)
  }
  await current.connection.disconnect()
}

/** @throws DialError */
async function request({ connection, stream }: Dialled, { filters, options }: Settings): Promise<void> {
  try {
    await connection.subscribe(filters, options)
  } catch (error) {
    stream.destroy()
    const isLost = error instanceof AnaxError && error.code === 'ANAX_ERR_NOT_CONNECTED'
    throw new DialError(sentenceOf(error instanceof Error ? error.message : String(error)), isLost)
  }
}

/** @throws CommandError if reconnecting would do harm */
async function reasonOf({ connection }: Dialled): Promise<string> {
  const { error, packet } = await connection.ended
  if (packet?.reasonCode === SESSION_TAKEN_OVER) {
    throw new CommandError(`another client has connected as '${connection.clientId}'`)
  }
  return sentenceOf(error?.message ?? 'the connection has ended')
}

async function connectAgain(connect: () => Promise<Dialled>, reason: string): Promise<Dialled> {
  let text = reason
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(delay * 2, LAST_DELAY_MS)) {
    process.stderr.write(`anax: ${text}. Connecting again in ${delay / 1000} s\n`)
    await wait(delay)
    try {
      return await connect()
    } catch (error) {
      if (!(error instanceof DialError) || !error.isTemporary) throw error
      text = error.message
    }
  }
}
