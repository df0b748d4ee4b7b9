/** The states of a connection, and which may follow which. */

export type ConnectionState = 'awaiting-connect' | 'connecting' | 'connected' | 'closing' | 'closed'

const TRANSITIONS: Record<ConnectionState, readonly ConnectionState[]> = {
  'awaiting-connect': ['connecting', 'closing'],
  connecting: ['connected', 'closing'],
  connected: ['closing'],
  closing: ['closed'],
  closed: [],
}

/** The state to go to. Throws where that is not legal: then the broker itself is wrong. */
export function nextState(from: ConnectionState, to: ConnectionState): ConnectionState {
  if (!TRANSITIONS[from].includes(to)) throw new Error(`A connection cannot go from ${from} to ${to}`)
  return to
}
