/**
 * The options for authentication and authorization: their checks, and which of them exclude or need each other.
 * Reads no file; the modules check the content of the files.
 */
import type { CertificateIdentity, JwtOptions, TokenPlace } from '../../auth/index.js'
import { usageError } from '../command-error.js'
import type { Values } from './options.js'

export interface AccessSettings {
  passwordFile: string | undefined
  users: { name: string; password: string }[]
  allowAnonymous: boolean
  aclFile: string | undefined
  /** The part of a client certificate that is the user name. */
  tlsIdentity: CertificateIdentity | undefined
  tlsCrl: string | undefined
  token: JwtOptions | undefined
}

const IDENTITIES: readonly CertificateIdentity[] = ['cn', 'dns', 'uri', 'email', 'fingerprint']
const PLACES: readonly TokenPlace[] = ['password', 'username', 'authorization', 'enhanced']

/** @throws CommandError */
export function checkAccess(values: Values): AccessSettings {
  const access: AccessSettings = {
    passwordFile: values['password-file'],
    users: (values.user ?? []).map(user),
    allowAnonymous: values['allow-anonymous'] ?? false,
    aclFile: values['acl-file'],
    tlsIdentity: oneOf(IDENTITIES, 'tls-identity', values['tls-identity']),
    tlsCrl: values['tls-crl'],
    token: token(values),
  }
  if (access.tlsIdentity !== undefined && values.ca === undefined) throw usageError('--tls-identity needs --ca')
  if (access.tlsCrl !== undefined && access.tlsIdentity === undefined)
    throw usageError('--tls-crl needs --tls-identity')
  if (access.aclFile !== undefined && !knowsUsers(access) && !access.allowAnonymous) {
    throw usageError('--acl-file needs to know who clients are: give --password-file, or --allow-anonymous')
  }
  return access
}

/** Whether clients can authenticate on any listener. */
export function knowsUsers({ users, passwordFile, token, tlsIdentity }: AccessSettings): boolean {
  return users.length > 0 || passwordFile !== undefined || token !== undefined || tlsIdentity !== undefined
}

function token(values: Values): JwtOptions | undefined {
  const { 'jwt-key': keyFile, 'jwt-jwks': jwks, 'jwt-algorithms': algorithms, 'jwt-from': from } = values
  const { 'jwt-issuer': issuer, 'jwt-audience': audience, 'jwt-username-claim': usernameClaim } = values
  if (keyFile === undefined && jwks === undefined) {
    const lonely = Object.keys(values).find(name => name.startsWith('jwt-'))
    if (lonely !== undefined) throw usageError(`--${lonely} needs --jwt-key or --jwt-jwks`)
    return undefined
  }
  if (algorithms === undefined) throw usageError('--jwt-key and --jwt-jwks need --jwt-algorithms, RS256 for instance')
  return {
    algorithms: algorithms.split(','),
    ...(keyFile !== undefined && { keyFile }),
    ...(jwks !== undefined && { jwks }),
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
    ...(usernameClaim !== undefined && { usernameClaim }),
    ...(from !== undefined && { from: from.split(',').map(place => oneOf(PLACES, 'jwt-from', place)!) }),
  }
}

function oneOf<Text extends string>(
  known: readonly Text[],
  option: string,
  text: string | undefined,
): Text | undefined {
  const value = known.find(each => each === text)
  if (text !== undefined && value === undefined)
    throw usageError(`--${option} takes ${known.join(', ')}, not '${text}'`)
  return value
}

function user(text: string): { name: string; password: string } {
  const colon = text.indexOf(':')
  if (colon < 1 || colon === text.length - 1) throw usageError('--user takes NAME:PASSWORD')
  return { name: text.slice(0, colon), password: text.slice(colon + 1) }
}
