/** A certificate authority for tests, created with the command `openssl`: certificates, revocation lists. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TemporaryFolder, temporaryFolder } from './certificate.js'

/** For a test's options: false, or the reason why it is skipped. */
export const withoutOpenssl = spawnSync('openssl', ['version']).error === undefined ? false : 'openssl is not installed'

const CONFIG = `
[ca]
default_ca = mine
[mine]
database = index.txt
serial = serial
crlnumber = crlnumber
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
string_mask = utf8only
[any]
commonName = optional
organizationName = optional
[req]
distinguished_name = name
string_mask = utf8only
utf8 = yes
[name]
`

export interface Pair {
  key: string
  cert: string
}

export class Authority {
  readonly #folder: TemporaryFolder = temporaryFolder()
  #count = 0

  constructor(name: string) {
    const { write } = this.#folder
    write('openssl.cnf', CONFIG)
    write('index.txt', '')
    write('index.txt.attr', '')
    write('serial', '1000')
    write('crlnumber', '01')
    this.#run('req', '-x509', ...KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30', '-subj', `/CN=${name}`)
  }

  get certificate(): string {
    return this.#read('ca.pem')
  }

  /** A certificate. @param subject like `/CN=device-1` @param names like `DNS:a,URI:urn:b` */
  issue(subject: string, names?: string): Pair {
    const name = `c${this.#count++}`
    this.#run('req', '-new', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', subject)
    writeFileSync(join(this.#folder.path, `${name}.ext`), names === undefined ? '' : `subjectAltName=${names}\n`)
    this.#run('ca', '-batch', '-notext', '-in', `${name}.csr`, '-out', `${name}.pem`, '-extfile', `${name}.ext`)
    return { key: this.#read(`${name}.key`), cert: this.#read(`${name}.pem`) }
  }

  revoke({ cert }: Pair): void {
    this.#folder.write('revoked.pem', cert)
    this.#run('ca', '-revoke', 'revoked.pem')
  }

  /** A revocation list in PEM. */
  list(): string {
    this.#run('ca', '-gencrl', '-out', 'crl.pem')
    return this.#read('crl.pem')
  }

  remove(): void {
    this.#folder.remove()
  }

  #read(file: string): string {
    return readFileSync(join(this.#folder.path, file), 'utf8')
  }

  #run(command: string, ...args: string[]): void {
    const options = { cwd: this.#folder.path, encoding: 'utf8' } as const
    const { status, stderr } = spawnSync('openssl', [command, '-config', 'openssl.cnf', ...args], options)
    if (status !== 0) throw new Error(`openssl ${command}: ${stderr}`)
  }
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-utf8']
