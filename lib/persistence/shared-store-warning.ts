/** The warning that several brokers use one store without being a cluster. Must not know how that was detected. */
export function warnOfSharedStore(peer: string): void {
  const message =
    `broker ${peer} shares the store: the brokers exchange messages only over a bus, each knows only its own clients, ` +
    'and a session must not be used on two of them at the same time'
  process.emitWarning(message, {
    code: 'ANAX_WARN_SHARED_STORE',
    detail: 'docs/behaviour/persistence.md, "Several brokers"',
  })
}
