/** Aedes with its default options as a broker under test; a program of its own, started by start.ts. */
import { Aedes } from 'aedes'
import { hostArguments, serve } from './serve.js'

Aedes.createBroker().then(broker => {
  if (hostArguments().hooks === 'authorise') {
    broker.authorizePublish = (_client, _packet, callback) => callback(null)
    broker.authorizeSubscribe = (_client, subscription, callback) => callback(null, subscription)
    broker.authorizeForward = (_client, packet) => packet
  }
  serve(stream => broker.handle(stream as Parameters<typeof broker.handle>[0]))
})
