/**
 * Converts values to payloads and back: JSON, text, numbers, and validated JSON. Owns the conversion and the errors;
 * knows no message.
 */
import { TextDecoder } from 'node:util'
import type {
  PayloadCodec,
  PayloadInput,
  PayloadOutput,
  SchemaIssue,
  StandardSchema,
} from '../../types/message/payload.js'
import type { MaybePromise } from '../../types/persistence.js'
import { AnaxError, textOf } from '../errors.js'
import { isPromise } from '../util/maybe-promise.js'

const JSON_PROPERTIES = { payloadFormatIndicator: true, contentType: 'application/json' } as const
const TEXT_PROPERTIES = { payloadFormatIndicator: true, contentType: 'text/plain' } as const

const strictText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** JSON whose type is not checked. Invalid JSON is refused. */
export function json<T = unknown>(): PayloadCodec<T> {
  return {
    properties: JSON_PROPERTIES,
    encode: value => encodeJson(value),
    decode: payload => parseJson(payload) as T,
  }
}

/** Text in UTF-8. Invalid UTF-8 is refused. */
export function text(): PayloadCodec<string> {
  return { properties: TEXT_PROPERTIES, encode: value => Buffer.from(value), decode: readText }
}

/** A finite number in decimal digits, such as `21.5` or `-1e3`. */
export function number(): PayloadCodec<number> {
  return {
    properties: TEXT_PROPERTIES,
    encode(value) {
      if (!Number.isFinite(value)) throw invalid(`${textOf(value)} is no finite number`)
      return Buffer.from(String(value))
    },
    decode(payload) {
      const digits = readText(payload).trim()
      const value = Number(digits)
      if (digits === '' || !Number.isFinite(value) || /^[-+]?0[xob]/i.test(digits))
        throw invalid(`'${digits}' is no number`)
      return value
    },
  }
}

/** The codec for the schema that a host passes. @throws AnaxError ANAX_ERR_ARGUMENT if it is not a schema */
export function codecOf<Schema>(schema: Schema): PayloadCodec<PayloadInput<Schema>, PayloadOutput<Schema>> {
  const { '~standard': standard } = (schema ?? {}) as Partial<StandardSchema>
  if (typeof standard?.validate === 'function') return validated(standard as StandardSchema['~standard']) as never
  const { encode, decode } = (schema ?? {}) as Partial<PayloadCodec>
  if (typeof encode === 'function' && typeof decode === 'function') return schema as never
  throw new AnaxError('ANAX_ERR_ARGUMENT', {
    detail: 'a schema is a validator of Standard Schema, or json(), text(), number()',
  })
}

/** The error for an invalid payload, whatever was thrown. */
export function payloadError(cause: unknown): AnaxError {
  return cause instanceof AnaxError ? cause : invalid(textOf(cause), cause)
}

/** Publishes the input of the validator, so that the other side's validator accepts it. */
function validated({ validate }: StandardSchema['~standard']): PayloadCodec {
  return {
    properties: JSON_PROPERTIES,
    encode: value =>
      then(validate(value), result => {
        accepted(result)
        return encodeJson(value)
      }),
    decode: payload => then(validate(parseJson(payload)), accepted),
  }
}

function accepted(result: { value?: unknown; issues?: readonly SchemaIssue[] | undefined }): unknown {
  const [issue] = result.issues ?? []
  if (issue === undefined) return result.value
  const path = (issue.path ?? []).map(step => String(typeof step === 'object' ? step.key : step)).join('.')
  throw invalid(path === '' ? issue.message : `${path}: ${issue.message}`)
}

function then<T, U>(value: MaybePromise<T>, next: (value: T) => U): MaybePromise<U> {
  return isPromise(value) ? value.then(next) : next(value)
}

function encodeJson(value: unknown): Buffer {
  const encoded = JSON.stringify(value)
  if (encoded === undefined) throw invalid(`${typeof value} cannot be written as JSON`)
  return Buffer.from(encoded)
}

function parseJson(payload: Buffer): unknown {
  try {
    return JSON.parse(readText(payload))
  } catch (cause) {
    throw cause instanceof AnaxError ? cause : invalid('it is no JSON', cause)
  }
}

function readText(payload: Buffer): string {
  try {
    return strictText.decode(payload)
  } catch (cause) {
    throw invalid('it is not UTF-8', cause)
  }
}

function invalid(detail: string, cause?: unknown): AnaxError {
  return new AnaxError('ANAX_ERR_PAYLOAD', { detail, cause })
}
