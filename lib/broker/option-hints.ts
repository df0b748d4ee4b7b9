/**
 * Hints for an unknown option: a similar name, the name of the same option in Mosquitto or Aedes, or an option of
 * another part. Must not know what options mean.
 */

const PORTS = 'the broker opens no port: see createServer of anax/server'
const ACCESS = 'see anax/auth'
const RATES = 'a rate is that of rates.client, rates.address or rates.total'

/** Names of Mosquitto and Aedes, and of listeners, in the form of {@link plain}. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  port: PORTS,
  host: PORTS,
  listener: PORTS,
  listeners: PORTS,
  transport: PORTS,
  tls: PORTS,
  key: PORTS,
  cert: PORTS,
  path: PORTS,
  trustproxy: "see 'trustedProxies' in createServer of anax/server",
  trustedproxies: "see 'trustedProxies' in createServer of anax/server",
  hooks: 'hooks are options themselves: authenticate, authorizePublish and so on',
  auth: 'hooks of anax/auth are options themselves: { ...auth }',
  authentication: "did you mean 'authenticate'?",
  authorization: "did you mean 'authorizePublish' and 'authorizeSubscribe'?",
  authorize: "did you mean 'authorizePublish' and 'authorizeSubscribe'?",
  ratelimit: RATES,
  messagespersecond: RATES,
  bytespersecond: RATES,
  connectspersecond: RATES,
  allowanonymous: ACCESS,
  passwordfile: ACCESS,
  aclfile: ACCESS,
  users: ACCESS,
  maxinflightmessages: "did you mean 'maxInflight'?",
  maxkeepalive: "did you mean 'keepaliveLimit'?",
  queueqos0messages: "did you mean 'queueQoS0'?",
  persistentclientexpiration: "did you mean 'defaultSessionExpiry'?",
  persistencelocation: "did you mean 'persistence'?",
}

/** Maximum number of typing errors in a name. */
const MOST_EDITS = 2

/** @returns the addition to the message; empty if there is no similar name */
export function hintFor(name: string, names: readonly string[]): string {
  const wanted = plain(name)
  if (Object.hasOwn(ELSEWHERE, wanted)) return ` (${ELSEWHERE[wanted]})`
  const [closest] = names
    .map(known => ({ known, edits: edits(wanted, plain(known)) }))
    .filter(({ known, edits }) => edits <= MOST_EDITS && edits * 3 < known.length)
    .sort((one, other) => one.edits - other.edits)
  return closest === undefined ? '' : ` (did you mean '${closest.known}'?)`
}

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, '').toLowerCase()
}

/** The edit distance: the number of letters to change, add or remove. */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const changed = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(changed, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
