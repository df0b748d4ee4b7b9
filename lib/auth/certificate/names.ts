/**
 * The names in a certificate: of the subject, alternative names, fingerprints. Owns that ambiguous names are ignored;
 * knows no client.
 */
import type { X509Certificate } from 'node:crypto'

/** The part of a certificate that is the identity. */
export type CertificateIdentity = 'cn' | 'dns' | 'uri' | 'email' | 'fingerprint'

/** All names of one kind in the certificate; none if one of them is crafted to be misread. */
export function namesOf(certificate: X509Certificate, kind: CertificateIdentity): string[] {
  if (kind === 'fingerprint') return [fingerprintOf(certificate)]
  const names = kind === 'cn' ? commonNames(certificate) : alternativeNames(certificate, PREFIXES[kind])
  // a name with a line break or a NUL is crafted to be read as another: then the others are not trusted either
  return names.some(name => name === '' || hasControls(name)) ? [] : names
}

/** SHA-256, lower case without colons. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase()
}

const PREFIXES = { dns: 'DNS:', uri: 'URI:', email: 'email:' } as const

/**
 * Subject as Node.js writes it: a line for each part, ` + ` between attributes of one part, special characters escaped.
 */
function commonNames({ subject }: X509Certificate): string[] {
  const attributes = (subject ?? '').split('\n').flatMap(line => line.split(' + '))
  const names = attributes.filter(attribute => attribute.startsWith('CN='))
  return names.map(name => name.slice('CN='.length)).map(unescaped)
}

/** `DNS:a, URI:"b"`: a name with special characters is a JSON string. */
function alternativeNames({ subjectAltName }: X509Certificate, prefix: string): string[] {
  const names: string[] = []
  const item = /([A-Za-z ]+:)("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/gy
  for (const [, kind, text = ''] of (subjectAltName ?? '').matchAll(item)) {
    if (kind === prefix) names.push(text.startsWith('"') ? (JSON.parse(text) as string) : text)
  }
  return names
}

/**
 * RFC 2253: a backslash before a special character, or before two hexadecimal digits of UTF-8. Read once from left to
 * right, so an escaped backslash does not begin another escape.
 */
function unescaped(text: string): string {
  return text.replaceAll(/((?:\\[0-9A-Fa-f]{2})+)|\\(.)/g, (_escape, digits?: string, character?: string) =>
    digits === undefined ? character! : Buffer.from(digits.replaceAll('\\', ''), 'hex').toString(),
  )
}

function hasControls(name: string): boolean {
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index)
    if (code < 0x20 || code === 0x7f) return true
  }
  return false
}
