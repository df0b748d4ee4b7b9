/** Argon2id from Node.js if available, otherwise from the package `hash-wasm`. Owns this choice; knows no format. */
import * as crypto from 'node:crypto'
import { demandPackage, missingPackage } from '../util/optional.js'

/** Memory in KiB. */
export interface Argon2Cost {
  memory: number
  passes: number
  parallelism: number
}

interface NativeParameters extends Argon2Cost {
  message: Buffer
  nonce: Buffer
  tagLength: number
}

type Native = (
  algorithm: 'argon2id',
  parameters: NativeParameters,
  callback: (error: Error | null, key: Buffer) => void,
) => void

/** From Node.js 24.7 on. */
const native = (crypto as { argon2?: Native }).argon2

const PURPOSE = 'argon2id on this Node.js'

async function loadPackage() {
  try {
    return await import('hash-wasm')
  } catch (cause) {
    throw missingPackage('hash-wasm', PURPOSE, cause)
  }
}

/**
 * Whether argon2id can be computed here.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function demandArgon2(): void {
  if (native === undefined) demandPackage('hash-wasm', PURPOSE)
}

export async function argon2id(password: Buffer, salt: Buffer, length: number, cost: Argon2Cost): Promise<Buffer> {
  if (native !== undefined) {
    const parameters = { message: password, nonce: salt, tagLength: length, ...cost }
    return new Promise((resolve, reject) => {
      native('argon2id', parameters, (error, key) => (error ? reject(error) : resolve(Buffer.from(key))))
    })
  }
  demandArgon2()
  const { argon2id: compute } = await loadPackage()
  const key = await compute({
    // it does not accept an empty password, which is never correct
    password: password.length > 0 ? password : crypto.randomBytes(32),
    salt,
    hashLength: length,
    memorySize: cost.memory,
    iterations: cost.passes,
    parallelism: cost.parallelism,
    outputType: 'binary',
  })
  return Buffer.from(key)
}
