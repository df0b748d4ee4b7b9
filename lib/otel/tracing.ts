/**
 * Creates spans from the brokers' channels of `node:diagnostics_channel`, with the package `@opentelemetry/api`. Owns
 * the parents of spans, and the attributes of the conventions for messaging. Knows no broker.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Attributes, Context, Span, SpanOptions, Tracer, TracerProvider } from '@opentelemetry/api'
import type {
  DeliveryTrace,
  DiagnosticsChannels,
  GateTrace,
  PublishTrace,
  StoreTrace,
} from '../../types/broker/diagnostics.js'
import type { Message } from '../../types/message/message.js'
import { type Api, loadApi } from './api.js'
import { remoteContext } from './trace-context.js'

/** Options of `createTracing`. */
export interface TracingOptions {
  /** @default the global one, which the SDK of OpenTelemetry registers */
  tracerProvider?: TracerProvider
  /**
   * Maps a topic to one of few templates, such as `meters/{id}/power`. The template is in the names of spans, and in
   * the attribute `messaging.destination.template`. @default none: names of spans have no topic
   */
  template?: (topic: string) => string | undefined
}

/** Creates spans until it is closed. */
export interface Tracing {
  close(): void
}

type Name = keyof DiagnosticsChannels

/** The record of a published message: the context of its span, and the time. */
interface Published {
  context: Context
  at: number
}

/** A later delivery, from a queue or of a retained message, is a separate trace with a link. */
const LATE_MS = 60_000

/** Maximum number of messages that are recognized when a queue returns them as other objects. */
const MAX_QUEUED = 10_000

/**
 * Creates spans for all brokers of this process from now on. Operations of a store in memory are included only for
 * brokers that are created later. Needs the package `@opentelemetry/api`.
 * @throws AnaxError ANAX_ERR_OPTION if the package is missing
 */
export async function createTracing({ tracerProvider, template }: TracingOptions = {}): Promise<Tracing> {
  const api = await loadApi()
  const tracer = (tracerProvider ?? api.trace).getTracer('anax')
  const spans = new Spans(api, tracer, template)
  // hooks and the store run in the context that these return, so that spans within them have their span as parent
  const starts = {
    'anax:gate:start': (trace: GateTrace) => spans.gateStarts(trace),
    'anax:store:start': (trace: StoreTrace) => spans.storeStarts(trace),
  }
  const listeners: { [Each in Exclude<Name, keyof typeof starts>]: (trace: DiagnosticsChannels[Each]) => void } = {
    'anax:publish:start': trace => spans.publishStarts(trace),
    'anax:publish:end': trace => spans.publishEnds(trace),
    'anax:delivery:start': trace => spans.deliveryStarts(trace),
    'anax:delivery:end': trace => spans.deliveryEnds(trace),
    'anax:gate:end': trace => spans.ends(trace, trace.error),
    'anax:store:end': trace => spans.ends(trace, trace.error),
  }
  const all = Object.entries(listeners) as [Name, (message: unknown) => void][]
  for (const [name, listener] of all) subscribe(name, listener)
  const active = new ActiveContext(api)
  for (const [name, start] of Object.entries(starts))
    channel(name).bindStore(active, start as (trace: unknown) => Context)
  return {
    close() {
      for (const [name, listener] of all) unsubscribe(name, listener)
      for (const name of Object.keys(starts)) channel(name).unbindStore(active)
    },
  }
}

/**
 * The store that a channel runs functions in: it sets the active context of OpenTelemetry, with any context manager.
 */
class ActiveContext extends AsyncLocalStorage<Context> {
  readonly #api: Api

  constructor(api: Api) {
    super()
    this.#api = api
  }

  override run<Result, Args extends unknown[]>(
    context: Context,
    body: (...args: Args) => Result,
    ...args: Args
  ): Result {
    return this.#api.context.with(context, body, undefined, ...args)
  }
}

class Spans {
  readonly #api: Api
  readonly #tracer: Tracer
  readonly #template: NonNullable<TracingOptions['template']>
  readonly #published = new WeakMap<object, Published>()
  readonly #queued = new Map<string, Published>()
  readonly #open = new WeakMap<object, Span>()

  constructor(api: Api, tracer: Tracer, template: TracingOptions['template']) {
    this.#api = api
    this.#tracer = tracer
    this.#template = template ?? (() => undefined)
  }

  publishStarts(trace: PublishTrace): void {
    const { message, client } = trace
    const remote = remoteContext(this.#api, message.properties?.userProperties)
    const { ROOT_CONTEXT, SpanKind, context, trace: traces } = this.#api
    // a message of the host belongs to the active span
    const own = client === null ? context.active() : ROOT_CONTEXT
    const parent = remote === undefined ? own : traces.setSpanContext(ROOT_CONTEXT, remote)
    const span = this.#start('publish', message, parent, {
      kind: SpanKind.CONSUMER,
      attributes: {
        ...attributesOf(message, 'publish', 'process'),
        ...(client !== null && { 'messaging.client.id': client.id }),
        ...(client?.address !== undefined && { 'network.peer.address': client.address }),
      },
      ...(remote !== undefined && { links: [{ context: remote }] }),
    })
    this.#open.set(trace, span)
    this.#published.set(message, { context: traces.setSpan(parent, span), at: Date.now() })
  }

  publishEnds(trace: PublishTrace): void {
    const { message, error } = trace
    const span = this.#open.get(trace)
    if (span !== undefined) {
      const context = this.#api.trace.setSpan(this.#api.ROOT_CONTEXT, span)
      const published = { context, at: Date.now() }
      // a hook may have replaced the message
      this.#published.set(message, published)
      // by now it has its number
      if (error === undefined && message.qos > 0) this.#queued.set(refOf(message), published)
      if (this.#queued.size > MAX_QUEUED) this.#queued.delete(this.#queued.keys().next().value!)
    }
    this.ends(trace, error)
  }

  deliveryStarts(trace: DeliveryTrace): void {
    const { message, clientId, qos } = trace
    const { ROOT_CONTEXT, SpanKind, trace: traces } = this.#api
    const remote = remoteContext(this.#api, message.properties?.userProperties)
    const published = this.#published.get(message) ?? this.#queued.get(refOf(message))
    const isLate = published === undefined || Date.now() - published.at > LATE_MS
    const origin = remote ?? (published && traces.getSpanContext(published.context))
    const span = this.#start('deliver', message, isLate ? ROOT_CONTEXT : published.context, {
      kind: SpanKind.CLIENT,
      attributes: {
        ...attributesOf(message, 'deliver', 'send'),
        'messaging.client.id': clientId,
        'anax.qos': qos,
      },
      ...(origin !== undefined && { links: [{ context: origin }] }),
    })
    this.#open.set(trace, span)
  }

  deliveryEnds(trace: DeliveryTrace): void {
    const span = this.#open.get(trace)
    if (trace.outcome !== undefined) span?.setAttribute('anax.outcome', trace.outcome)
    span?.end()
  }

  /**
   * The context of a hook: that of the message for hooks about publishing; hooks about a receiver have no known parent.
   */
  gateStarts(trace: GateTrace): Context {
    const { hook, client, args } = trace
    const parent = this.#parentAmong(args)
    if (parent === undefined && ABOUT_MESSAGES.includes(hook)) return this.#api.context.active()
    const attributes = { 'anax.hook': hook, ...(client !== null && { 'messaging.client.id': client.id }) }
    return this.#part(trace, hook, attributes, parent ?? this.#api.ROOT_CONTEXT)
  }

  /** The context of a store operation: that of the message, if it has one. */
  storeStarts(trace: StoreTrace): Context {
    const { operation, args } = trace
    const parent = this.#parentAmong(args)
    if (parent === undefined) return this.#api.context.active()
    return this.#part(trace, `store ${operation}`, { 'anax.store.operation': operation }, parent)
  }

  /** @returns the context of the new span */
  #part(trace: object, name: string, attributes: Attributes, parent: Context): Context {
    const span = this.#tracer.startSpan(name, { attributes }, parent)
    this.#open.set(trace, span)
    return this.#api.trace.setSpan(parent, span)
  }

  ends(trace: object, error: Error | undefined): void {
    const span = this.#open.get(trace)
    if (span === undefined) return
    if (error !== undefined) {
      // recognized by its properties, because a process may have two copies of the package
      span.setAttribute('error.type', 'code' in error ? String(error.code) : error.name)
      span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: error.message })
    }
    span.end()
  }

  #start(operation: string, { topic }: Message, parent: Context, options: SpanOptions): Span {
    const template = this.#templateOf(topic)
    const name = template === undefined ? operation : `${operation} ${template}`
    const span = this.#tracer.startSpan(name, options, parent)
    return template === undefined ? span : span.setAttribute('messaging.destination.template', template)
  }

  /**
   * The template of a topic. Catches errors of the function, because an error in a channel's subscriber would end the
   * process.
   */
  #templateOf(topic: string): string | undefined {
    try {
      return this.#template(topic)
    } catch {
      return undefined
    }
  }

  #parentAmong(args: readonly unknown[]): Context | undefined {
    for (const arg of args) {
      const published = typeof arg === 'object' && arg !== null ? this.#published.get(arg) : undefined
      if (published !== undefined) return published.context
    }
    return undefined
  }
}

function refOf({ brokerId, brokerCounter }: Message): string {
  return `${brokerId}/${brokerCounter}`
}

const ABOUT_MESSAGES: readonly string[] = ['authorizePublish', 'authorizeForward', 'published']

/** Attributes of the semantic conventions for messaging, and our own with `anax.`. */
function attributesOf({ topic, payload, qos, retain }: Message, name: string, type: string): Attributes {
  return {
    'messaging.system': 'mqtt',
    'messaging.operation.name': name,
    'messaging.operation.type': type,
    'messaging.destination.name': topic,
    'messaging.message.body.size': payload.length,
    'anax.qos': qos,
    'anax.retain': retain,
  }
}
