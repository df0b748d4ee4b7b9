/**
 * Revocation lists (RFC 5280): the serial numbers of an issuer, and how long the list is valid. Owns their structure.
 * The file is trusted like the file of authorities, so signatures are not checked.
 */
import { optionError } from '../options.js'
import { type DerValue, readAll, readSequence, readTime, Tag } from './der.js'

/** The content of one list. */
export interface RevocationList {
  /** The issuer's name in DER, as a key. */
  readonly issuer: string
  /** When the next list is due, in milliseconds since the epoch. */
  readonly nextUpdate: number | undefined
  /** Serial numbers, hexadecimal. */
  readonly revoked: ReadonlySet<string>
}

const PEM = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g

/**
 * Reads a file: PEM with one list or several, or one in DER.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function parseRevocationLists(content: Buffer, name: string): RevocationList[] {
  try {
    const pems = [...content.toString('latin1').matchAll(PEM)].map(([, text = '']) => Buffer.from(text, 'base64'))
    return (pems.length > 0 ? pems : [content]).map(parseList)
  } catch (cause) {
    throw optionError(`${name} is no revocation list`, cause)
  }
}

/** Issuer and serial number of a certificate in DER, in the same form as in the lists. */
export function identifyCertificate(certificate: Buffer): { issuer: string; serial: string } {
  const fields = fieldsOf(certificate)
  const start = fields[0]?.tag === Tag.version ? 1 : 0
  const [serial, , issuer] = fields.slice(start)
  return { serial: serialOf(serial), issuer: nameOf(issuer) }
}

function parseList(bytes: Buffer): RevocationList {
  const fields = fieldsOf(bytes)
  const start = fields[0]?.tag === Tag.integer ? 1 : 0
  const [, issuer, , ...rest] = fields.slice(start)
  const next = rest[0] !== undefined && isTime(rest[0]) ? rest.shift() : undefined
  const entries = rest[0]?.tag === Tag.sequence ? readSequence(rest[0]) : []
  return {
    issuer: nameOf(issuer),
    nextUpdate: next && readTime(next),
    revoked: new Set(entries.map(entry => serialOf(readSequence(entry)[0]))),
  }
}

/** The signed bytes. */
function fieldsOf(bytes: Buffer): DerValue[] {
  const [outer] = readAll(bytes)
  return readSequence(readSequence(outer)[0])
}

function serialOf(value: DerValue | undefined): string {
  if (value?.tag !== Tag.integer) throw new RangeError('a serial number was expected')
  return value.content.toString('hex')
}

function nameOf(value: DerValue | undefined): string {
  if (value?.tag !== Tag.sequence) throw new RangeError('a name was expected')
  return value.bytes.toString('hex')
}

function isTime({ tag }: DerValue): boolean {
  return tag === Tag.utcTime || tag === Tag.generalizedTime
}
