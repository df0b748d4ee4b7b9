/** Reads a file that an option names, or says in one line why it cannot. Knows no option. */
import { readFileSync } from 'node:fs'
import { fileError } from './command-error.js'

/** @throws CommandError */
export function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw fileError(file, error)
  }
}
