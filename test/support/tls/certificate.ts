/** Creates a certificate for this machine, in memory and as files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'

/** Key and certificate in PEM. The certificate is self-signed. */
export interface Certificate {
  key: string
  cert: string
}

export async function makeCertificate(name = 'localhost'): Promise<Certificate> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { key, cert }
}

/** A folder that exists during a test. */
export interface TemporaryFolder {
  path: string
  /** Writes a file and returns its path. */
  write(name: string, content: string): string
  remove(): void
}

export function temporaryFolder(): TemporaryFolder {
  const path = mkdtempSync(join(tmpdir(), 'anax-'))
  return {
    path,
    write(name, content) {
      writeFileSync(join(path, name), content)
      return join(path, name)
    },
    remove() {
      rmSync(path, { recursive: true, force: true })
    },
  }
}
