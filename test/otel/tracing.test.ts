/** Spans of a broker, with the real SDK: which there are, their parents, and that they cost nothing when off. */
import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { after, before, describe, it, mock } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'
import { createBroker, createMemoryPersistence } from '../../lib/index.js'
import { createTracing, type Tracing } from '../../lib/otel/index.js'
import type { DiagnosticsChannels, GateTrace } from '../../types/broker/diagnostics.js'
import type { BrokerOptions } from '../../types/broker/options.js'
import { SpecClient } from '../support/clients/spec-client.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const userProperties = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=1', other: 'x' }
const payload = Buffer.from('21.5')

/** A publisher, a subscriber of `#`, and the recorded spans. */
async function traced(
  options: BrokerOptions,
  body: (scene: { publisher: SpecClient; subscriber: SpecClient }) => Promise<void>,
): Promise<ReadableSpan[]> {
  exporter.reset()
  const broker = await createBroker(options)
  const [publisher, subscriber] = [new SpecClient(broker, 5), new SpecClient(broker, 5)]
  await publisher.connect({ clientId: 'sensor' })
  await subscriber.connect({ clientId: 'display', properties: { sessionExpiryInterval: 100 } })
  await subscriber.subscribe({ topic: '#', qos: 1 })
  await body({ publisher, subscriber })
  await broker.close()
  return exporter.getFinishedSpans()
}

const exporter = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
let tracing: Tracing
before(async () => {
  tracing = await createTracing({ tracerProvider, template: topic => topic.replace(/\d+/, '{id}') })
})
after(() => tracing.close())

const named = (spans: ReadableSpan[], name: string) => {
  const [span, ...more] = spans.filter(each => each.name === name)
  assert.ok(span !== undefined && more.length === 0, `${name} among ${spans.map(each => each.name)}`)
  return span
}

describe('spans', () => {
  it('continue the trace of the publisher, which reaches the subscriber unchanged', async () => {
    const spans = await traced({}, async ({ publisher, subscriber }) => {
      await publisher.publish({ topic: 'meters/7', qos: 1, payload, properties: { userProperties } })
      const { properties, messageId } = await subscriber.expect('publish')
      assert.deepEqual({ ...properties?.userProperties }, userProperties)
      subscriber.send({ cmd: 'puback', messageId: messageId! })
      await subscriber.settle()
    })
    const publish = named(spans, 'publish meters/{id}')
    const deliver = named(spans, 'deliver meters/{id}')
    for (const span of [publish, deliver]) {
      assert.equal(span.spanContext().traceId, TRACE)
      assert.deepEqual(
        span.links.map(({ context }) => [context.traceId, context.spanId, context.traceState?.serialize()]),
        [[TRACE, PARENT, 'vendor=1']],
      )
    }
    assert.deepEqual([publish.parentSpanContext?.spanId, publish.kind], [PARENT, SpanKind.CONSUMER])
    assert.deepEqual([deliver.parentSpanContext?.spanId, deliver.kind], [publish.spanContext().spanId, SpanKind.CLIENT])
    const common = {
      ...{ 'messaging.system': 'mqtt', 'messaging.destination.name': 'meters/7', 'messaging.message.body.size': 4 },
      ...{ 'messaging.destination.template': 'meters/{id}', 'anax.qos': 1, 'anax.retain': false },
    }
    assert.deepEqual(publish.attributes, {
      ...common,
      ...{
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'process',
        'messaging.client.id': 'sensor',
      },
    })
    assert.deepEqual(deliver.attributes, {
      ...common,
      ...{
        'messaging.operation.name': 'deliver',
        'messaging.operation.type': 'send',
        'messaging.client.id': 'display',
      },
      'anax.outcome': 'acknowledged',
    })
    assert.equal(named(spans, 'store enqueue').parentSpanContext?.spanId, publish.spanContext().spanId)
  })

  it('start a trace if there is none, or an invalid one', async () => {
    const wrong = [
      undefined,
      '',
      'x',
      `00-${'0'.repeat(32)}-${PARENT}-01`,
      `ff-${TRACE}-${PARENT}-01`,
      `00-${TRACE}-${PARENT}-01-x`,
    ]
    for (const traceparent of [...wrong, [userProperties.traceparent, userProperties.traceparent]]) {
      const spans = await traced({}, async ({ publisher, subscriber }) => {
        const properties = traceparent === undefined ? {} : { userProperties: { traceparent } }
        await publisher.publish({ topic: 'a', qos: 0, payload, properties })
        await subscriber.expect('publish')
      })
      const publish = named(spans, 'publish a')
      assert.deepEqual([publish.parentSpanContext, publish.links], [undefined, []], String(traceparent))
      assert.notEqual(publish.spanContext().traceId, TRACE)
      const deliver = named(spans, 'deliver a')
      assert.equal(deliver.parentSpanContext?.spanId, publish.spanContext().spanId)
      assert.equal(deliver.attributes['anax.outcome'], 'sent')
    }
  })

  it('show hooks, their failures, and refusals', async () => {
    const authorizePublish: NonNullable<BrokerOptions['authorizePublish']> = async (_client, { topic }) => {
      if (topic === 'broken') throw new Error('the database is down')
      return topic === 'a'
    }
    const spans = await traced({ authorizePublish, authenticate: () => true }, async ({ publisher }) => {
      for (const topic of ['a', 'no', 'broken']) await publisher.publish({ topic, qos: 1, payload })
    })
    assert.equal(spans.filter(({ name }) => name === 'authenticate').length, 2)
    for (const topic of ['a', 'no', 'broken']) {
      const publish = named(spans, `publish ${topic}`)
      const hook = spans.find(({ parentSpanContext: parent, name }) => {
        return name === 'authorizePublish' && parent?.spanId === publish.spanContext().spanId
      })
      assert.equal(hook?.attributes['error.type'], topic === 'broken' ? 'ANAX_ERR_HOOK_FAILED' : undefined, topic)
      const refused = topic === 'a' ? undefined : 'ANAX_ERR_PUBLISH_REFUSED'
      assert.equal(publish.attributes['error.type'], refused)
      assert.equal(publish.status.code, refused === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR)
    }
  })

  it('end without an acknowledgement', async () => {
    const spans = await traced({}, async ({ publisher, subscriber }) => {
      await publisher.publish({ topic: 'a', qos: 1, payload, properties: { userProperties } })
      await subscriber.expect('publish')
      await subscriber.drop()
    })
    assert.equal(named(spans, 'deliver a').attributes['anax.outcome'], 'unacknowledged')
  })

  it('have a link to their publisher, and no parent, if a message waited for its receiver', async () => {
    exporter.reset()
    const broker = await createBroker()
    const away = { clientId: 'display', clean: false, properties: { sessionExpiryInterval: 1000 } }
    const first = new SpecClient(broker, 5)
    await first.connect(away)
    await first.subscribe({ topic: '#', qos: 1 })
    await first.disconnect()
    for (const properties of [{}, { userProperties }]) await broker.publish({ topic: 'a', payload, qos: 1, properties })
    const later = Date.now() + 61_000
    const clock = mock.method(Date, 'now', () => later)
    const second = new SpecClient(broker, 5)
    await second.connect(away)
    await second.expect('publish')
    await second.expect('publish')
    await broker.close()
    clock.mock.restore()
    const spans = exporter.getFinishedSpans()
    const [publish] = spans.filter(({ name }) => name === 'publish a')
    const delivered = spans.filter(({ name }) => name === 'deliver a')
    assert.deepEqual(
      delivered.map(({ parentSpanContext, links }) => [parentSpanContext, links[0]?.context.spanId]),
      [
        [undefined, publish!.spanContext().spanId],
        [undefined, PARENT],
      ],
    )
  })

  it('are active while hooks and the store run, whose spans are their children', async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    const tracer = tracerProvider.getTracer('host')
    const request = (name: string) => tracer.startSpan(name).end()
    const persistence = createMemoryPersistence()
    const enqueue = persistence.enqueue.bind(persistence)
    persistence.enqueue = (...args) => {
      request('query')
      return enqueue(...args)
    }
    try {
      const hooks: BrokerOptions = {
        persistence,
        async authenticate() {
          await nextTurn()
          request('sign in')
          return true
        },
        authorizePublish(_client, _packet, callback) {
          request('before')
          setImmediate(() => {
            request('behind')
            callback(null)
          })
        },
      }
      const spans = await traced(hooks, async ({ publisher, subscriber }) => {
        await publisher.publish({ topic: 'a', qos: 1, payload })
        await subscriber.expect('publish')
      })
      const parents = (name: string) =>
        spans.filter(each => each.name === name).map(each => each.parentSpanContext?.spanId)
      const ids = (name: string) => spans.filter(each => each.name === name).map(each => each.spanContext().spanId)
      assert.deepEqual(new Set(parents('sign in')), new Set(ids('authenticate')))
      assert.deepEqual(
        [...parents('before'), ...parents('behind')],
        [...ids('authorizePublish'), ...ids('authorizePublish')],
      )
      assert.deepEqual(parents('query'), ids('store enqueue'))
      // and not for longer than that
      assert.deepEqual(parents('deliver a'), ids('publish a'))
      assert.equal(trace.getActiveSpan(), undefined)
    } finally {
      context.disable()
    }
  })

  it("of the application's messages are children of its active span", async () => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    exporter.reset()
    try {
      await using broker = await createBroker()
      await tracerProvider.getTracer('host').startActiveSpan('request', async span => {
        await broker.publish({ topic: 'a', payload: 'x', qos: 1 })
        span.end()
      })
    } finally {
      context.disable()
    }
    const spans = exporter.getFinishedSpans()
    assert.equal(named(spans, 'publish a').parentSpanContext?.spanId, named(spans, 'request').spanContext().spanId)
  })

  it('exist for subscriptions of the application too', async () => {
    exporter.reset()
    const broker = await createBroker()
    await broker.publish({ topic: 'a', payload: 'x' })
    await broker.close()
    assert.equal(named(exporter.getFinishedSpans(), 'publish a').attributes['messaging.client.id'], undefined)
  })
})

describe('the diagnostics channels', () => {
  it('publish nothing without listeners, and report start and end with one object', async () => {
    tracing.close()
    const spans = await traced({ authorizePublish: () => true }, async ({ publisher }) => {
      await publisher.publish({ topic: 'a', qos: 1, payload })
    })
    assert.deepEqual(spans, [])
    const seen: [string, unknown][] = []
    const names = ['gate', 'publish', 'store', 'delivery'].flatMap(name => [`anax:${name}:start`, `anax:${name}:end`])
    const listener = (message: unknown, name: string | symbol) => seen.push([String(name), message])
    for (const name of names) subscribe(name, listener)
    try {
      await traced({ authorizePublish: () => true }, async ({ publisher, subscriber }) => {
        await publisher.publish({ topic: 'a', qos: 1, payload })
        await subscriber.expect('publish')
      })
    } finally {
      for (const name of names) unsubscribe(name, listener)
    }
    assert.deepEqual(new Set(seen.map(([name]) => name)), new Set(names))
    for (const start of names.filter(name => name.endsWith(':start')) as (keyof DiagnosticsChannels)[]) {
      const of = (name: string) => seen.flatMap(([each, message]) => (each === name ? [message] : []))
      assert.deepEqual(new Set(of(start)), new Set(of(start.replace(':start', ':end'))), start)
    }
    const gate = seen.find(([name]) => name === 'anax:gate:end')?.[1] as GateTrace
    assert.deepEqual([gate.hook, gate.client?.id, gate.error], ['authorizePublish', 'sensor', undefined])
  })
})
