/** Numbers, times and payloads as people read them. */
import type { Message, Subscription } from './api.js'

const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

export function number(value: number | undefined): string {
  return value === undefined ? '–' : NUMBER.format(value)
}

export function bytes(value: number | undefined): string {
  if (value === undefined) return '–'
  const power = value < 1024 ? 0 : Math.min(Math.floor(Math.log2(value) / 10), 4)
  return `${NUMBER.format(value / 1024 ** power)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`
}

export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3600)} h`
}

export function moment(at: number | undefined): string {
  return at === undefined ? '–' : new Date(at).toLocaleString()
}

export const VERSIONS: Readonly<Record<number, string>> = { 3: '3.1', 4: '3.1.1', 5: '5.0' }

export type PayloadForm = 'text' | 'json' | 'hex'

export function payload({ payload: content, encoding, truncated }: Message, form: PayloadForm): string {
  const end = truncated ? ' …' : ''
  if (form === 'hex') return hex(content, encoding) + end
  if (encoding === 'base64') return `base64: ${content}${end}`
  return (form === 'json' ? pretty(content) : content) + end
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), undefined, 2)
  } catch {
    return text
  }
}

function hex(content: string, encoding: Message['encoding']): string {
  const codes =
    encoding === 'utf8' ? new TextEncoder().encode(content) : Uint8Array.from(atob(content), c => c.charCodeAt(0))
  return Array.from(codes, code => code.toString(16).padStart(2, '0')).join(' ')
}

/** The options of MQTT 5.0 that are not the usual ones. */
export function optionsOf({ nl = false, rap = false, rh = 0 }: Subscription): string {
  const options = [nl && 'No Local', rap && 'Retain As Published', rh > 0 && `Retain Handling ${rh}`]
  return options.filter(Boolean).join(', ') || '–'
}
