/**
 * The two messages of a SCRAM client (RFC 5802, 7): read strictly.
 * Owns their grammar; must not know who the client is.
 */

/** The first message of the exchange. */
export interface FirstMessage {
  /** `n,,` or `y,,`, possibly with an authorization identity. */
  header: string
  authorizationId: string | undefined
  username: string
  nonce: string
  /** The part of it that is signed. */
  bare: string
}

/** The last message of the exchange. */
export interface FinalMessage {
  /** The header once more. */
  channelBinding: string
  nonce: string
  proof: Buffer
  /** The part of it that is signed. */
  withoutProof: string
}

/** Longer than any real message, and short enough to be parsed quickly. */
const MAX_BYTES = 4096

const FIRST = /^((?:n|y),(?:a=([^,]+))?,)(n=([^,]+),r=([!-+\--~]{8,512})(?:,[A-Za-z]=[^,]*)*)$/
const FINAL = /^(c=([A-Za-z0-9+/=]+),r=([!-+\--~]+)(?:,[A-Za-z]=[^,]*)*),p=([A-Za-z0-9+/=]+)$/

/** Parses the first message. Channel binding (`p=`) and mandatory extensions (`m=`) are not supported. */
export function readFirst(data: Buffer | undefined): FirstMessage | undefined {
  const [, header, authorization, bare, name, nonce] = FIRST.exec(textOf(data)) ?? []
  if (header === undefined || bare === undefined || name === undefined || nonce === undefined) return undefined
  const username = unescaped(name)
  const authorizationId = authorization === undefined ? undefined : unescaped(authorization)
  if (username === undefined || (authorization !== undefined && authorizationId === undefined)) return undefined
  return { header, authorizationId, username, nonce, bare }
}

export function readFinal(data: Buffer | undefined): FinalMessage | undefined {
  const [, withoutProof, binding = '', nonce, proof = ''] = FINAL.exec(textOf(data)) ?? []
  if (withoutProof === undefined || nonce === undefined) return undefined
  return {
    channelBinding: Buffer.from(binding, 'base64').toString('utf8'),
    nonce,
    proof: Buffer.from(proof, 'base64'),
    withoutProof,
  }
}

function textOf(data: Buffer | undefined): string {
  return data === undefined || data.length > MAX_BYTES ? '' : data.toString('utf8')
}

/** Decodes a name: a comma is `=2C`, an equals sign `=3D`; any other `=` is an error. */
function unescaped(name: string): string | undefined {
  if (/=(?!2C|3D)/.test(name)) return undefined
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=')
}
