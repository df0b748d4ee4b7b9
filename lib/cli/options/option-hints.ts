/** Hints for an unknown option: a name with a typing error, or one of Mosquitto. Must not know what options mean. */

/** Names of Mosquitto's command line and configuration file -> ours. */
const MOSQUITTO: Readonly<Record<string, string>> = {
  p: 'port',
  c: 'config',
  v: 'log-level',
  listener: 'port',
  bind_address: 'host',
  cafile: 'ca',
  certfile: 'cert',
  keyfile: 'key',
  crlfile: 'tls-crl',
  require_certificate: 'ca',
  use_identity_as_username: 'tls-identity',
  persistence_location: 'data',
  persistent_client_expiration: 'max-session-expiry',
  max_inflight_messages: 'max-inflight',
  max_keepalive: 'keepalive-limit',
  message_size_limit: 'max-packet-size',
  memory_limit: 'max-memory-bytes',
  log_type: 'log-level',
}

/** Maximum number of missing or additional letters. */
const MOST_ERRORS = 2

/** @param name the unknown name, without dashes @returns one of `names`; undefined if none is similar */
export function similarOption(name: string, names: readonly string[]): string | undefined {
  if (Object.hasOwn(MOSQUITTO, name)) return MOSQUITTO[name]
  const wanted = plain(name)
  const exact = names.find(known => plain(known) === wanted)
  if (exact !== undefined || wanted.length < 3) return exact
  const similar = names.filter(known => isNear(wanted, plain(known)))
  return similar.length === 1 ? similar[0] : names.find(known => plain(known).startsWith(wanted))
}

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase()
}

function isNear(one: string, other: string): boolean {
  const [short, long] = one.length < other.length ? [one, other] : [other, one]
  return long.length - short.length <= MOST_ERRORS && isWithin(short, long)
}

/** Whether all letters of one text are in the other, in their order. */
function isWithin(short: string, long: string): boolean {
  let found = 0
  for (const letter of long) if (letter === short[found]) found++
  return found === short.length
}
