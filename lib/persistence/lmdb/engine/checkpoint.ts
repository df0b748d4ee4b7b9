/**
 * The checkpoint of a data file: the last state of the database that is certainly on the disk, and how to go back to it
 * after a power cut. It is written into unused bytes of the file. Owns that format. Does not decide when to write it.
 */
import { crc32 } from 'node:zlib'
import { AnaxError } from '../../../errors.js'
import { type DatabaseState, type LmdbFile, MARGIN_BYTES, STATE_BYTES, stateOf } from '../file/file.js'

/** A state that is on the disk. */
export interface Checkpoint {
  /** Increases with each checkpoint. Two places are used in turn, so that one is always complete. */
  readonly sequence: number
  /** The boot during which later states may exist in the system's memory. Empty if there are none. */
  readonly boot: string
  readonly state: DatabaseState
}

const MAGIC = 0x416e_6178
const CHECKSUM_AT = 4
const SEQUENCE_AT = 8
const SEQUENCE_BYTES = 6
const BOOT_LENGTH_AT = 14
const BOOT_AT = 16
const MAX_BOOT_BYTES = 64
const STATE_AT = BOOT_AT + MAX_BOOT_BYTES

/** The latest checkpoint of a file, or undefined. */
export function latestCheckpoint(file: LmdbFile): Checkpoint | undefined {
  const notes = [parseNote(file.readMargin(0)), parseNote(file.readMargin(1))].filter(note => note !== undefined)
  return notes.toSorted((a, b) => b.sequence - a.sequence)[0]
}

/** The bytes of a checkpoint, and where to write them. */
export function noteOf({ sequence, boot, state }: Checkpoint, file: LmdbFile): { bytes: Buffer; at: number } {
  const bytes = Buffer.alloc(MARGIN_BYTES)
  bytes.writeUInt32BE(MAGIC)
  bytes.writeUIntBE(sequence, SEQUENCE_AT, SEQUENCE_BYTES)
  bytes[BOOT_LENGTH_AT] = bytes.write(boot, BOOT_AT, MAX_BOOT_BYTES)
  state.bytes.copy(bytes, STATE_AT)
  bytes.writeUInt32BE(checksumOf(bytes), CHECKSUM_AT)
  return { bytes, at: file.marginAt(sequence % 2 === 0 ? 0 : 1) }
}

/**
 * Goes back to the checkpoint if the machine has restarted since: later states may be on the disk in part only.
 * Transactions never overwrite pages of the checkpoint, so the checkpoint is complete.
 * @param boot identity of the current boot, if known
 * @throws AnaxError ANAX_ERR_STORE_FORMAT
 */
export function recover(file: LmdbFile, boot: string | undefined): void {
  const checkpoint = latestCheckpoint(file)
  if (checkpoint === undefined || checkpoint.boot === '' || checkpoint.boot === boot) return
  if (checkpoint.state.transaction > file.latestState().transaction) {
    throw new AnaxError('ANAX_ERR_STORE_FORMAT', { detail: 'the data file is older than its checkpoint' })
  }
  file.restore(checkpoint.state)
}

function parseNote(bytes: Buffer): Checkpoint | undefined {
  if (bytes.readUInt32BE() !== MAGIC || bytes.readUInt32BE(CHECKSUM_AT) !== checksumOf(bytes)) return undefined
  return {
    sequence: bytes.readUIntBE(SEQUENCE_AT, SEQUENCE_BYTES),
    boot: bytes.toString('utf8', BOOT_AT, BOOT_AT + bytes[BOOT_LENGTH_AT]!),
    state: stateOf(bytes.subarray(STATE_AT, STATE_AT + STATE_BYTES)),
  }
}

function checksumOf(note: Buffer): number {
  return crc32(note.subarray(SEQUENCE_AT))
}
