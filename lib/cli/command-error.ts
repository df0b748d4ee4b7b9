/**
 * Errors that end the command with one line: wrong usage (exit code 2), or an unusable file or port (1).
 * Knows no option.
 */

export class CommandError extends Error {
  readonly exitCode: number

  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/**
 * The error for a wrong option, or for incompatible options.
 * @param subCommand the sub-command whose `--help` explains it
 */
export function usageError(message: string, subCommand?: string): CommandError {
  const command = subCommand === undefined ? 'anax' : `anax ${subCommand}`
  return new CommandError(`${message}\nTry '${command} --help'.`, 2)
}

/** The error for an unreadable file, in one sentence. */
export function fileError(file: string, cause: unknown): CommandError {
  return new CommandError(`cannot read ${file}: ${reasonOf(cause)}`)
}

/** The reason why a file cannot be read, in words. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  switch ('code' in cause ? cause.code : undefined) {
    case 'ENOENT':
      return 'there is no such file'
    case 'EACCES':
      return 'no permission'
    case 'EISDIR':
      return 'it is a folder'
    default:
      return cause.message.replaceAll(/\s+/g, ' ')
  }
}
