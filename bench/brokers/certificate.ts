/** A certificate for the scenarios over TLS, created for each run of the benchmark. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface Certificate {
  folder: string
  keyFile: string
  certificateFile: string
  remove(): void
}

export async function makeCertificate(): Promise<Certificate> {
  const folder = mkdtempSync(join(tmpdir(), 'anax-bench-'))
  const keyFile = join(folder, 'key.pem')
  const certificateFile = join(folder, 'certificate.pem')
  const pair = await generate([{ name: 'commonName', value: 'localhost' }], { keySize: 2048 })
  writeFileSync(keyFile, pair.private, { mode: 0o600 })
  writeFileSync(certificateFile, pair.cert)
  return { folder, keyFile, certificateFile, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
