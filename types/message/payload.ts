/** The conversion between values and the bytes of a payload. Contracts only. */

import type { MaybePromise } from '../persistence.js'
import type { PublishProperties } from './packets.js'

/** A problem of a value, and its path, as in Standard Schema. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** The result of a validator. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

/** A validator that implements Standard Schema 1: zod, valibot, arktype and others (https://standardschema.dev). */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => MaybePromise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

/** Values as payloads, and back. */
export interface PayloadCodec<Input = unknown, Output = Input> {
  /** The payload of a value. Throws or rejects for an invalid value. */
  encode(value: Input): MaybePromise<Buffer>
  /** The value of a payload. Throws or rejects for an invalid payload. */
  decode(payload: Buffer): MaybePromise<Output>
  /** The properties that describe the payload. */
  readonly properties: Pick<PublishProperties, 'payloadFormatIndicator' | 'contentType'>
}

// biome-ignore-start lint/suspicious/noExplicitAny: whatever a publisher has to give

/** The schema of payloads: a codec, or a validator for JSON. */
export type PayloadSchema<Input = any, Output = unknown> = StandardSchema<Input, Output> | PayloadCodec<Input, Output>

// biome-ignore-end lint/suspicious/noExplicitAny: as above

/** The value for a listener. */
export type PayloadOutput<Schema> =
  Schema extends StandardSchema<infer _, infer Output>
    ? Output
    : Schema extends PayloadCodec<infer _, infer Output>
      ? Output
      : never

/** The value from a publisher. */
export type PayloadInput<Schema> =
  Schema extends StandardSchema<infer Input, infer _>
    ? Input
    : Schema extends PayloadCodec<infer Input, infer _>
      ? Input
      : never
