/** Reads the files of modules. Owns the error for an unreadable file; knows no format. */
import { readFileSync } from 'node:fs'
import { optionError } from '../options.js'

/**
 * A file as text, without the byte order mark that editors on Windows write.
 * @throws AnaxError ANAX_ERR_OPTION
 */
export function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    throw optionError(`cannot read ${path}`, cause)
  }
}
