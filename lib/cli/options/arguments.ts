/**
 * Parses the command line and the configuration file.
 * Owns the parsing; settings.ts checks the values.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util'
import { CommandError, fileError, usageError } from '../command-error.js'
import { FORMATS, type PasswordChange } from '../commands/passwd.js'
import { type StoreCommand, storeCommand } from '../commands/store-commands.js'
import { subCommand } from '../commands/sub-commands.js'
import { readTextFile } from '../text-file.js'
import { similarOption } from './option-hints.js'
import { OPTIONS, type OptionName, type Values } from './options.js'
import { checkSettings, type Settings } from './settings.js'
import type { SubCommand } from './sub-command.js'

export type Command =
  | { name: 'help' }
  | { name: 'version' }
  | { name: 'passwd'; file: string; user: string; change: PasswordChange }
  | StoreCommand
  | SubCommand
  | { name: 'run'; settings: Settings }

/** @throws CommandError */
export function parseCommand(args: readonly string[]): Command {
  if (args[0] === 'passwd' && !args.includes('--help')) return passwdCommand(args.slice(1))
  const withOptions = subCommand(args)
  if (withOptions !== undefined) return withOptions
  const { values, positionals } = parseValues(args, OPTIONS)
  if (values.help) return { name: 'help' }
  if (values.version) return { name: 'version' }
  if (positionals[0] === 'passwd') throw usageError('passwd comes first')
  const onStore = storeCommand(positionals, values)
  if (onStore !== undefined) return onStore
  if (positionals.length > 0) throw usageError(`unknown command '${positionals[0]}'`)
  const configured = values.config === undefined ? {} : readConfig(values.config)
  return { name: 'run', settings: checkSettings(override(configured, values)) }
}

/** The command line takes precedence over the file. */
function override(configured: Values, values: Values): Values {
  const { memory, data, ...withoutStore } = configured
  const choosesStore = values.memory !== undefined || values.data !== undefined
  return { ...(choosesStore ? withoutStore : configured), ...values }
}

function parseValues<Options extends ParseArgsConfig['options']>(args: readonly string[], options: Options) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true } as const)
  } catch (error) {
    const [sentence = 'wrong use'] = (error instanceof Error ? error.message : String(error)).split(/\. |\n/)
    throw usageError(`${lowerFirst(sentence)}${hintFor(sentence, Object.keys(options ?? {}))}`)
  }
}

/** A hint for an option that Node's parser does not know. */
function hintFor(sentence: string, names: readonly string[]): string {
  const unknown = /^Unknown option '--?([^']+)'/.exec(sentence)?.[1]
  const meant = unknown === undefined ? undefined : similarOption(unknown, names)
  return meant === undefined ? '' : `: did you mean '--${meant}'?`
}

const PASSWD_OPTIONS = { format: { type: 'string' }, delete: { type: 'boolean' } } as const

function passwdCommand(args: readonly string[]): Command {
  const { values, positionals } = parseValues(args, PASSWD_OPTIONS)
  const [file, user, ...rest] = positionals
  if (file === undefined || user === undefined || rest.length > 0) throw usageError('passwd takes a file and a name')
  if (values.delete && values.format !== undefined) throw usageError('--delete needs no --format')
  const format = FORMATS.find(name => name === (values.format ?? 'scrypt'))
  if (format === undefined) throw usageError(`--format takes ${FORMATS.join(', ')}, not '${values.format}'`)
  return { name: 'passwd', file, user, change: values.delete ? 'delete' : format }
}

function readConfig(file: string): Values {
  // editors on Windows begin files with a byte order mark
  const content = parseJson(file, readTextFile(file).replace(/^\uFEFF/, ''))
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new CommandError(`${file} must hold a JSON object`)
  }
  return Object.fromEntries(Object.entries(content).map(([name, value]) => [name, configValue(file, name, value)]))
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (/^\s*[[{]/.test(text)) throw fileError(file, error)
    throw new CommandError(`${file} must hold a JSON object, such as { "port": 1883, "password-file": "users.txt" }`)
  }
}

/** Numbers may be given as numbers or as text. */
function configValue(file: string, name: string, value: unknown): string | boolean | string[] {
  if (!Object.hasOwn(OPTIONS, name) || name === 'config') {
    const meant = similarOption(
      name,
      Object.keys(OPTIONS).filter(known => known !== 'config'),
    )
    const hint = meant === undefined ? '' : `: did you mean '${meant}'?`
    throw new CommandError(`${file}: unknown option '${name}'${hint}`)
  }
  const option: { type: string; multiple?: boolean } = OPTIONS[name as OptionName]
  if (option.type === 'boolean' && typeof value === 'boolean') return value
  if (option.multiple && typeof value === 'string') return [value]
  if (option.multiple && Array.isArray(value) && value.every(item => typeof item === 'string')) return value
  if (option.type === 'string' && !option.multiple && typeof value === 'string') return value
  if (option.type === 'string' && !option.multiple && typeof value === 'number') return String(value)
  const wanted =
    option.type === 'boolean' ? 'true or false' : option.multiple ? 'an array of texts' : 'a text or a number'
  throw new CommandError(`${file}: '${name}' takes ${wanted}`)
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
