/** The states of a connection, and the transitions between them. */

export type ConnectionState = 'awaiting-connect' | 'connecting' | 'connected' | 'closing' | 'closed'

const TRANSITIONS: Record<ConnectionState, readonly ConnectionState[]> = {
  'awaiting-connect': ['connecting', 'closing'],
  connecting: ['connected', 'closing'],
  connected: ['closing'],
  closing: ['closed'],
  closed: [],
}

/** Checks a transition. @returns `to`. Throws if the transition is illegal, which is a bug of the broker. */
export function nextState(from: ConnectionState, to: ConnectionState): ConnectionState {
  if (!TRANSITIONS[from].includes(to)) throw new Error(`A connection cannot go from ${from} to ${to}`)
  return to
}
