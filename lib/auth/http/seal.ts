/**
 * Keeps bytes encrypted with a key of this process, so that passwords are not in its memory in plain text. Owns the
 * cipher; must not know what the bytes are.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

export interface SealedBytes {
  readonly nonce: Buffer
  readonly bytes: Buffer
  readonly tag: Buffer
}

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12

export class Seal {
  readonly #key = randomBytes(32)

  close(plain: Buffer): SealedBytes {
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.#key, nonce)
    const bytes = Buffer.concat([cipher.update(plain), cipher.final()])
    return { nonce, bytes, tag: cipher.getAuthTag() }
  }

  open(sealed: SealedBytes | undefined): Buffer | undefined {
    if (sealed === undefined) return undefined
    const decipher = createDecipheriv(CIPHER, this.#key, sealed.nonce).setAuthTag(sealed.tag)
    return Buffer.concat([decipher.update(sealed.bytes), decipher.final()])
  }
}
