/** Messages of a process to the test that started it, and will kill it. */

/** Reports that the process is ready. It ends when its parent does. */
export function sayReady(): void {
  process.once('disconnect', () => process.exit())
  process.send?.('ready')
}

/** Reports a lost lease: for its clients, the node is dead then, as if it had been killed. */
export function sayLeaseLost(): void {
  if (process.connected) process.send?.('lease lost')
}
