/** The client side of SCRAM (RFC 5802), written from the standard and independent of the example that it tests. */
import assert from 'node:assert/strict'
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

export class ScramClient {
  readonly #hash: 'sha1' | 'sha256' | 'sha512'
  readonly #password: string
  readonly #nonce: string
  readonly #bare: string
  #serverSignature = ''

  constructor(
    hash: 'sha1' | 'sha256' | 'sha512',
    username: string,
    password: string,
    nonce = randomBytes(12).toString('hex'),
  ) {
    this.#hash = hash
    this.#password = password
    this.#nonce = nonce
    this.#bare = `n=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')},r=${nonce}`
  }

  get first(): Buffer {
    return Buffer.from(`n,,${this.#bare}`)
  }

  /** Answers the server's first message. */
  final(challenge: Buffer | undefined): Buffer {
    const serverFirst = String(challenge)
    const [, nonce = '', salt = '', iterations] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst) ?? []
    assert.ok(nonce.startsWith(this.#nonce) && nonce.length > this.#nonce.length)
    const length = { sha1: 20, sha256: 32, sha512: 64 }[this.#hash]
    const salted = pbkdf2Sync(this.#password, Buffer.from(salt, 'base64'), Number(iterations), length, this.#hash)
    const clientKey = this.#hmac(salted, 'Client Key')
    const signed = `${this.#bare},${serverFirst},c=biws,r=${nonce}`
    const signature = this.#hmac(createHash(this.#hash).update(clientKey).digest(), signed)
    const proof = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!))
    this.#serverSignature = this.#hmac(this.#hmac(salted, 'Server Key'), signed).toString('base64')
    return Buffer.from(`c=biws,r=${nonce},p=${proof.toString('base64')}`)
  }

  /** Checks the server's last message: the server knows the password too. */
  verify(last: Buffer | undefined): void {
    assert.equal(String(last), `v=${this.#serverSignature}`)
  }

  #hmac(key: Buffer, text: string): Buffer {
    return createHmac(this.#hash, key).update(text).digest()
  }
}
