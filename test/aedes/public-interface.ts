/**
 * Which tests that Aedes was published with keep to its public interface. Owns the rule; knows no test by its name.
 *
 * A test looks inside of Aedes if it calls what it imports from one of its modules, if it uses a member of a broker or
 * a client that Aedes marks as private (`_`), or if it puts something of its own in the place of a member that is no
 * hook.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const HOOKS = ['preConnect', 'authenticate', 'authorizePublish', 'authorizeSubscribe', 'authorizeForward', 'published']

/** A test: its name, in which `${}` stands for anything, and its body. Tests within tests count as part of them. */
const TEST = /^( *)test\((['"`])([^\n]*?)\2,.*?^\1\}\)/gms

/** A member of a broker or a client, and what follows it. */
const MEMBER = /\b(?:broker|client|aedesClient)\d?\.(\w+)( = )?/g

/**
 * @param root the folder of the package
 * @returns gives the names of a file's tests that look inside
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
