/** The exports of `anax/otel`: spans for OpenTelemetry. */
export { createTracing, type Tracing, type TracingOptions } from './tracing.js'
