/**
 * Formats a message for `anax sub`: as text, JSON or hexadecimal digits. Formats only; must not know the stream, except
 * whether it is a terminal.
 */
import { isUtf8 } from 'node:buffer'
import type { ReceivedMessage } from '../../client/index.js'
import { escapeControls } from '../terminal.js'

export const FORMS = ['text', 'json', 'hex'] as const

export type Form = (typeof FORMS)[number]

export interface FormatOptions {
  form: Form
  /** Whether text and digits begin with the topic. JSON always has it. */
  withTopic: boolean
  /** Control characters are never written to a terminal, because they could do anything there. */
  isTerminal: boolean
}

const LINE_BREAK = Buffer.from('\n')

/** The text with a line break at the end. @param at milliseconds since the epoch */
export function formatMessage(message: ReceivedMessage, options: FormatOptions, at: number): Buffer {
  const { form, withTopic, isTerminal } = options
  const { topic, payload } = message
  if (form === 'json') return Buffer.from(`${isTerminal ? escapeJson(json(message, at)) : json(message, at)}\n`)
  const content = form === 'hex' ? Buffer.from(payload.toString('hex')) : payload
  const parts = withTopic ? [Buffer.from(`${topic} `), content, LINE_BREAK] : [content, LINE_BREAK]
  const line = Buffer.concat(parts)
  return isTerminal ? Buffer.from(escapeControls(line.toString())) : line
}

/** One line, with MQTT's names for the properties. */
function json({ topic, payload, qos, retain, dup, properties }: ReceivedMessage, at: number): string {
  const { correlationData, ...others } = properties ?? {}
  const head = { time: new Date(at).toISOString(), topic, qos, retain, ...(dup && { dup }) }
  const rest = {
    ...(Object.keys(others).length > 0 && { ...others }),
    ...(correlationData !== undefined && { correlationData: correlationData.toString('base64') }),
  }
  const properties_ = Object.keys(rest).length > 0 ? `,"properties":${JSON.stringify(rest)}` : ''
  return `${JSON.stringify(head).slice(0, -1)},${payloadJson(payload)}${properties_}}`
}

/** JSON payloads are inserted unchanged: parsing them and writing them again would lose digits of large numbers. */
function payloadJson(payload: Buffer): string {
  if (!isUtf8(payload)) return `"encoding":"base64","payload":"${payload.toString('base64')}"`
  const text = payload.toString()
  return isJson(text)
    ? `"encoding":"json","payload":${text.trim().replaceAll(/[\r\n]+/g, ' ')}`
    : `"encoding":"text","payload":${JSON.stringify(text)}`
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Within strings of JSON, an escape means the same as the character. */
function escapeJson(text: string): string {
  return text.replaceAll(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
