/**
 * The checkpoint of a data file: the last state of the database that is on the disk for certain, noted in the margins
 * of the file itself, and how to go back to it after a power cut. Owns the form of the note; knows not when it is made.
 */
import { crc32 } from 'node:zlib'
import { AnaxError } from '../../../errors.js'
import { type DatabaseState, type LmdbFile, MARGIN_BYTES, STATE_BYTES, stateOf } from '../file/file.js'

/** A state that is on the disk. */
export interface Checkpoint {
  /** Rises with each; notes take turns in the two margins, so that the one before is there while one is written. */
  readonly sequence: number
  /** The run of the machine in which there may be later states, in the system's memory; empty where there are none. */
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

/** The checkpoint of a file; undefined where it never had one. */
export function latestCheckpoint(file: LmdbFile): Checkpoint | undefined {
  const notes = [parseNote(file.readMargin(0)), parseNote(file.readMargin(1))].filter(note => note !== undefined)
  return notes.toSorted((a, b) => b.sequence - a.sequence)[0]
}

/** What to write for a checkpoint, and where. */
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
 * Takes back what may be on the disk in part only: all that came after the checkpoint, where the machine has stopped
 * since. Transactions never write over pages of the checkpoint's state, so that one is whole.
 * @param boot the present run of the machine, where that is known
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
