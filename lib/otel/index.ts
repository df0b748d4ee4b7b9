/** What `anax/otel` exports: spans for OpenTelemetry. */
export { createTracing, type Tracing, type TracingOptions } from './tracing.js'
