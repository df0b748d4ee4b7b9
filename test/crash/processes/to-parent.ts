/** What a process that is to be killed owes to the one that started it. */

/** Tells that the work has begun. From here on the process does not outlive the one that started it. */
export function sayReady(): void {
  process.once('disconnect', () => process.exit())
  process.send?.('ready')
}

/** A node that has lost its lease is gone for its clients, as if it had been killed. */
export function sayLeaseLost(): void {
  if (process.connected) process.send?.('lease lost')
}
