/**
 * Enhanced authentication with SCRAM-SHA-256 (RFC 5802, RFC 7677): the password is never sent, and both sides prove
 * that they know it. By hand, to show what such a hook does; `scram()` of `anax/auth` is ready to use.
 * Copy `scram()` into your program; run on its own, this file is a broker that uses it.
 *
 *   npm run build && node dist/examples/auth/scram.js
 */
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { type AuthenticateExtendedHandler, type Client, createBroker, type ExtendedVerdict, ReasonCode } from 'anax'
import { createServer } from 'anax/server'

/** The hash functions for SCRAM, by the names of the authentication methods. */
const HASHES = { 'SCRAM-SHA-256': 'sha256', 'SCRAM-SHA-1': 'sha1' } as const

export type ScramMethod = keyof typeof HASHES

/** What the server stores for a password: neither the password nor the client's proof can be computed from it. */
export interface ScramCredentials {
  salt: Buffer
  iterations: number
  storedKey: Buffer
  serverKey: Buffer
}

export interface ScramOptions {
  method?: ScramMethod
  /** The credentials of a user; undefined for an unknown user. */
  lookup(username: string): ScramCredentials | undefined
  /** Printable characters without a comma, never repeated. */
  nonce?: () => string
}

/** What is remembered between the two messages of a client. */
interface Exchange {
  username: string
  credentials: ScramCredentials | undefined
  nonce: string
  /** The two first messages, as both sides sign them. */
  transcript: string
}

/** Derives the stored credentials from a password. Name and password are used unchanged, without SASLprep. */
export function deriveCredentials(
  password: string,
  method: ScramMethod = 'SCRAM-SHA-256',
  salt = randomBytes(16),
  iterations = 4096,
): ScramCredentials {
  const hash = HASHES[method]
  const salted = pbkdf2Sync(password, salt, iterations, createHash(hash).digest().length, hash)
  const clientKey = createHmac(hash, salted).update('Client Key').digest()
  const serverKey = createHmac(hash, salted).update('Server Key').digest()
  return { salt, iterations, storedKey: createHash(hash).update(clientKey).digest(), serverKey }
}

/** Makes the hook `authenticateExtended`. */
export function scram(options: ScramOptions): AuthenticateExtendedHandler {
  const { method = 'SCRAM-SHA-256', lookup, nonce = () => randomBytes(18).toString('base64') } = options
  const hash = HASHES[method]
  const exchanges = new WeakMap<Client, Exchange>()
  const users = new WeakMap<Client, string>()
  /** A client that asks for an unknown user gets the same salt every time, as for a known one. */
  const secret = randomBytes(32)

  function begin(client: Client, message: string): ExtendedVerdict {
    const [, username, clientNonce] = /^n,,n=([^,]+),r=([^,]+)$/.exec(message) ?? []
    if (username === undefined || clientNonce === undefined) return refuse('not a first message of SCRAM')
    const user = username.replaceAll('=2C', ',').replaceAll('=3D', '=')
    const credentials = lookup(user)
    const { salt, iterations } = credentials ?? { salt: imaginarySalt(user), iterations: 4096 }
    const both = clientNonce + nonce()
    const serverFirst = `r=${both},s=${salt.toString('base64')},i=${iterations}`
    const transcript = `${message.slice(3)},${serverFirst}`
    exchanges.set(client, { username: user, credentials, nonce: both, transcript })
    return { result: 'continue', data: Buffer.from(serverFirst) }
  }

  function finish(client: Client, message: string): ExtendedVerdict {
    const exchange = exchanges.get(client)
    exchanges.delete(client)
    const [, withoutProof, nonceSent, proof] = /^(c=biws,r=([^,]+)),p=([^,]+)$/.exec(message) ?? []
    if (exchange === undefined || withoutProof === undefined || proof === undefined)
      return refuse('not a final message')
    if (exchange.credentials === undefined || nonceSent !== exchange.nonce) return refuse()
    const { storedKey, serverKey } = exchange.credentials
    const signed = `${exchange.transcript},${withoutProof}`
    const clientKey = xor(Buffer.from(proof, 'base64'), createHmac(hash, storedKey).update(signed).digest())
    if (!timingSafeEqual(createHash(hash).update(clientKey).digest(), storedKey)) return refuse()
    // re-authentication must be for the same user
    if ((users.get(client) ?? exchange.username) !== exchange.username) return refuse('another user than before')
    users.set(client, exchange.username)
    const signature = createHmac(hash, serverKey).update(signed).digest('base64')
    return { result: 'success', data: Buffer.from(`v=${signature}`) }
  }

  function imaginarySalt(username: string): Buffer {
    return createHmac('sha256', secret).update(username).digest().subarray(0, 16)
  }

  return (client, { method: wanted, data, step }) => {
    if (wanted !== method) return { result: 'refuse', reasonCode: ReasonCode.BadAuthenticationMethod }
    const message = data?.toString() ?? ''
    return step === 'continue' ? finish(client, message) : begin(client, message)
  }
}

function refuse(reasonString?: string): ExtendedVerdict {
  return { result: 'refuse', reasonCode: ReasonCode.NotAuthorized, ...(reasonString && { reasonString }) }
}

/** Zeros if the lengths differ: no proof has that. */
function xor(one: Buffer, other: Buffer): Buffer {
  if (one.length !== other.length) return Buffer.alloc(other.length)
  return Buffer.from(one.map((byte, index) => byte ^ other[index]!))
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const users = new Map([['alice', deriveCredentials('wonderland')]])
  const broker = await createBroker({
    authenticateExtended: scram({ lookup: username => users.get(username) }),
    // clients that do not use SCRAM are refused
    authenticate: () => false,
  })
  const server = await createServer(broker, { transport: 'tcp', port: Number(process.env.PORT ?? 1883) })
  console.log(`Listening on ${server.addresses[0]?.url}`)

  process.once('SIGTERM', async () => {
    await server.close()
    await broker.close()
  })
}
