/**
 * `anax pub`: publishes a message, or one for each line of its input, and waits until all are acknowledged. Owns its
 * options and the number of pending messages.
 */
import { once } from 'node:events'
import { AnaxError, type PublishOptions } from '../../client/index.js'
import { CommandError, usageError } from '../command-error.js'
import { numberOf, parseOptions, type SubCommand } from '../options/sub-command.js'
import { CLIENT_OPTIONS, CLIENT_USAGE, type Target, targetOf } from './client-options.js'
import { type Dialled, dial, sentenceOf } from './dial.js'
import { PAYLOAD_OPTIONS, payloadsOf } from './payloads.js'

export const PUBLISH_OPTIONS = {
  topic: { type: 'string', short: 't' },
  ...PAYLOAD_OPTIONS,
  qos: { type: 'string', short: 'q' },
  retain: { type: 'boolean', short: 'r' },
  'user-property': { type: 'string', multiple: true },
  'content-type': { type: 'string' },
  'response-topic': { type: 'string' },
  'correlation-data': { type: 'string' },
  expiry: { type: 'string' },
  ...CLIENT_OPTIONS,
} as const

export const PUBLISH_USAGE = `Usage: anax pub -t TOPIC -m TEXT [options]

Publishes a message. Exit code 0: with QoS 1 and 2 the broker has acknowledged it.

Message
  -t, --topic TOPIC       where to publish
  -m, --message TEXT      its payload
  --hex DIGITS            or as hexadecimal digits
  -f, --file FILE         or the content of a file
  -s, --stdin             or the whole standard input
  -l, --lines             or each line of it, as a message of its own
  -n, --empty             or nothing, which deletes a retained message with -r
  -q, --qos QOS           0, 1 or 2                                   [0]
  -r, --retain            keep it for later subscribers
  --user-property N=V     MQTT 5.0; may be repeated
  --content-type TYPE     MQTT 5.0
  --response-topic TOPIC  MQTT 5.0
  --correlation-data TEXT MQTT 5.0
  --expiry SECONDS        MQTT 5.0: when it is no longer delivered

${CLIENT_USAGE}
Exit codes: 0 done, 1 no connection, or the message was refused, 2 wrong options.
`

/** Maximum number of unacknowledged messages. */
const MAX_PENDING = 100

/** @throws CommandError */
export function publishCommand(args: readonly string[]): SubCommand {
  const { values, positionals } = parseOptions('pub', args, PUBLISH_OPTIONS)
  if (values.help) return { name: 'sub-command', run: async () => void process.stdout.write(PUBLISH_USAGE) }
  if (positionals.length > 0) throw usageError(`there is nothing to do with '${positionals[0]}'`, 'pub')
  const { topic } = values
  if (topic === undefined || topic === '') throw usageError('--topic is missing', 'pub')
  if (/[+#]/.test(topic)) throw usageError(`'${topic}' is not a topic: + and # are for subscriptions`, 'pub')
  const target = targetOf('pub', values)
  const options = { ...messageOptions(values, target), topic }
  const payloads = payloadsOf(values)
  return { name: 'sub-command', run: () => publish(target, options, payloads) }
}

type Values = ReturnType<typeof parseOptions<typeof PUBLISH_OPTIONS>>['values']

function messageOptions(values: Values, target: Target): PublishOptions {
  const { 'content-type': contentType, 'response-topic': responseTopic, expiry } = values
  const { 'correlation-data': correlation, 'user-property': pairs } = values
  const properties = {
    ...(contentType !== undefined && { contentType }),
    ...(responseTopic !== undefined && { responseTopic }),
    ...(correlation !== undefined && { correlationData: Buffer.from(correlation) }),
    ...(expiry !== undefined && { messageExpiryInterval: numberOf('pub', 'expiry', expiry, 0, 0xffff_ffff) }),
    ...(pairs !== undefined && { userProperties: userProperties(pairs) }),
  }
  const hasProperties = Object.keys(properties).length > 0
  if (hasProperties && !target.hasProperties) throw usageError('properties need MQTT 5.0', 'pub')
  return {
    qos: numberOf('pub', 'qos', values.qos ?? '0', 0, 2) as 0 | 1 | 2,
    retain: values.retain ?? false,
    ...(hasProperties && { properties }),
  }
}

function userProperties(pairs: readonly string[]): Record<string, string | string[]> {
  const all = new Map<string, string[]>()
  for (const pair of pairs) {
    const end = pair.indexOf('=')
    if (end < 1) throw usageError(`--user-property takes NAME=VALUE, not '${pair}'`, 'pub')
    const name = pair.slice(0, end)
    all.set(name, [...(all.get(name) ?? []), pair.slice(end + 1)])
  }
  return Object.fromEntries([...all].map(([name, values]) => [name, values.length === 1 ? values[0]! : values]))
}

async function publish(
  target: Target,
  options: PublishOptions & { topic: string },
  payloads: AsyncIterable<string | Buffer> | Iterable<string | Buffer>,
): Promise<void> {
  const dialled = await dial(target)
  const { connection } = dialled
  const lost = connection.ended.then(({ error }) => {
    if (error !== undefined) throw error
  })
  try {
    // the input may wait for the keyboard, so the end of the connection is reported immediately
    await Promise.race([publishAll(dialled, options, payloads), lost])
    await connection.disconnect()
    await lost
  } catch (error) {
    throw error instanceof AnaxError ? new CommandError(sentenceOf(error.message)) : error
  }
}

async function publishAll(
  { connection, stream }: Dialled,
  { topic, ...options }: PublishOptions & { topic: string },
  payloads: AsyncIterable<string | Buffer> | Iterable<string | Buffer>,
): Promise<void> {
  const pending = new Set<Promise<void>>()
  const failures: unknown[] = []
  for await (const payload of payloads) {
    const sent = connection.publish(topic, payload, options).then(
      () => void pending.delete(sent),
      error => void failures.push(error),
    )
    pending.add(sent)
    if (pending.size >= MAX_PENDING) await Promise.race(pending)
    // waits until the network accepts QoS 0 messages; otherwise a large input would fill the memory
    if (stream.writableNeedDrain) await Promise.race([once(stream, 'drain'), connection.ended])
    if (failures.length > 0) break
  }
  await Promise.all(pending)
  if (failures.length > 0) throw failures[0]
}
