/** The exports of `anax/metrics`: the numbers of a broker for Prometheus. */
export { createMetrics, type MeasuredBroker, type Metrics, type MetricsOptions } from './metrics.js'
