/** What a process that is to be killed owes to the one that started it. */

/** Tells that the work has begun. From here on the process does not outlive the one that started it. */
export function sayReady(): void {
  process.once('disconnect', () => process.exit())
  process.send?.('ready')
}
