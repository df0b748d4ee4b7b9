/**
 * Decides which published tests of Aedes use only its public interface. Knows the rule, and no test by name.
 * A test uses internals if it calls something imported from one of Aedes's modules, uses a member of a broker or a
 * client that Aedes marks as private (`_`), or replaces a member that is not a hook.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const HOOKS = ['preConnect', 'authenticate', 'authorizePublish', 'authorizeSubscribe', 'authorizeForward', 'published']

/** A test: its name, where `${}` matches anything, and its body. Nested tests count as part of it. */
const TEST = /^( *)test\((['"`])([^\n]*?)\2,.*?^\1\}\)/gms

/** A member of a broker or a client, and the text after it. */
const MEMBER = /\b(?:broker|client|aedesClient)\d?\.(\w+)( = )?/g

/**
 * @param root the folder of the package
 * @returns a function that returns the names of a file's tests that use internals
 */
export function testsInside(root: string): (file: string) => RegExp[] {
  const own = namesIn(sourcesIn(root, join(root, 'lib')), /\bthis\.(\w+)\b|^ {2}(?:get |static )?(\w+) \(/gm)
  const isInside = (name: string, isSet: boolean) =>
    own.has(name) && (name.startsWith('_') || (isSet && !HOOKS.includes(name)))
  return file => {
    const source = readFileSync(file, 'utf8')
    const modules = [...source.matchAll(/^import (.*) from '\.\.\/lib\//gm)].flatMap(
      ([, names]) => names!.match(/\w+/g)!,
    )
    const inside = [...source.matchAll(TEST)].filter(
      ([body]) =>
        modules.some(name => new RegExp(`(?<![.\\w'])${name}\\(`).test(body)) ||
        [...body.matchAll(MEMBER)].some(([, name, isSet]) => isInside(name!, isSet !== undefined)),
    )
    return inside.map(
      ([, , , name]) =>
        new RegExp(
          `^${name!
            .split(/\$\{[^}]*\}/)
            .map(escaped)
            .join('.*')}$`,
        ),
    )
  }
}

function sourcesIn(...folders: string[]): string {
  const files = folders.filter(existsSync).flatMap(folder => readdirSync(folder).map(name => join(folder, name)))
  return files
    .filter(file => /\.(js|ts)$/.test(file))
    .map(file => readFileSync(file, 'utf8'))
    .join('\n')
}

function namesIn(source: string, pattern: RegExp): Set<string> {
  return new Set([...source.matchAll(pattern)].map(([, first, second]) => first ?? second!))
}

function escaped(text: string): string {
  return text.replace(/\\(.)/g, '$1').replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
