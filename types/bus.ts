/** The bus that carries messages from publishers to the router: any `mqemitter`. Contracts only. */

/** A message on the bus: at least a topic. */
export type BusMessage = { topic: string }

// biome-ignore-start lint/suspicious/noExplicitAny: every mqemitter has its own idea of a message's type

/** Receives messages of the filter it was registered for; must call `done`, once. */
export type BusListener = (message: any, done: () => void) => void

/**
 * The part of `mqemitter` that the broker uses. Every `done` has to be called: that of `on` once messages of the filter
 * come, that of `emit` once the message is on its way.
 */
export interface Bus {
  on(topic: string, listener: BusListener, done?: () => void): unknown
  removeListener(topic: string, listener: BusListener, done?: () => void): unknown
  emit(message: any, done?: (error?: Error | null) => void): unknown
  close(done?: () => void): unknown
}

// biome-ignore-end lint/suspicious/noExplicitAny: as above
