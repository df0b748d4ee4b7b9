/** Parses the command line of sub-commands with their own options, and answers `--help`. Knows none of them. */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { usageError } from '../command-error.js'

/** The options of a sub-command; each has `help`. */
export type OptionTable = NonNullable<ParseArgsConfig['options']>

/** A parsed command line. */
export interface SubCommand {
  name: 'sub-command'
  run(): Promise<void>
}

type Parsed<Table extends OptionTable> = ReturnType<
  typeof parseArgs<{ options: Table; allowPositionals: true; strict: true }>
>

/**
 * The options of a sub-command as text.
 * @param name the name of the sub-command, for the hint in an error
 * @throws CommandError
 */
export function parseOptions<Table extends OptionTable>(
  name: string,
  args: readonly string[],
  options: Table,
): Parsed<Table> {
  try {
    return parseArgs({ args: joinValues(args, options), options, allowPositionals: true, strict: true })
  } catch (error) {
    const [sentence = 'wrong use'] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/)
    throw usageError(sentence.charAt(0).toLowerCase() + sentence.slice(1), name)
  }
}

/** A whole number. @throws CommandError */
export function numberOf(name: string, option: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw usageError(`--${option} takes a number from ${min} to ${max}, not '${text}'`, name)
}

/**
 * `-m -5` becomes `--message=-5`, because a payload may begin with a dash, and `parseArgs` would treat it as an option.
 */
function joinValues(args: readonly string[], options: OptionTable): string[] {
  const joined: string[] = []
  for (let index = 0; index < args.length; index++) {
    const arg = args[index]!
    if (arg === '--') return [...joined, ...args.slice(index)]
    const value = args[index + 1]
    const long = longNameOf(arg, options)
    if (long !== undefined && value !== undefined) {
      joined.push(`--${long}=${value}`)
      index++
    } else {
      joined.push(arg)
    }
  }
  return joined
}

/** The long name of an option that takes a value, if the argument is such an option and nothing else. */
function longNameOf(arg: string, options: OptionTable): string | undefined {
  const entries = Object.entries(options).filter(([, { type }]) => type === 'string')
  return entries.find(([long, { short }]) => arg === `--${long}` || (short !== undefined && arg === `-${short}`))?.[0]
}
