#!/usr/bin/env node
/**
 * The command `anax`: runs the chosen sub-command, and turns a failure into one line and an exit code. Knows the
 * sub-commands only by name.
 */
import { AnaxError } from '../index.js'
import { run } from './broker/run.js'
import { CommandError } from './command-error.js'
import { changePassword } from './commands/passwd.js'
import { parseCommand } from './options/arguments.js'
import { USAGE } from './options/usage.js'
import { VERSION } from './version.js'

async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2))
  switch (command.name) {
    case 'help':
      process.stdout.write(USAGE)
      return
    case 'version':
      process.stdout.write(`${VERSION}\n`)
      return
    case 'passwd':
      return changePassword(command.file, command.user, command.change)
    case 'store':
    case 'sub-command':
      return command.run()
    case 'run':
      return run(command.settings)
  }
}

function fail(error: unknown): void {
  const expected = error instanceof CommandError || error instanceof AnaxError
  const text = expected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)
  process.stderr.write(`anax: ${text}\n`)
  process.exit(error instanceof CommandError ? error.exitCode : 1)
}

// The reader of the output may close it; that must not end a broker.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

main().catch(fail)
