/** Several brokers on an engine in memory are one broker. */
import { describe, it } from 'node:test'
import { MemoryCluster } from '../../lib/testing/cluster.js'
import { defineScenarios } from './support/scenarios.js'

describe('a cluster in memory', () => {
  defineScenarios({ test: it, count: 200, engine: () => Promise.resolve(new MemoryCluster()) })
})
