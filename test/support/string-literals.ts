/**
 * The string literals in a TypeScript source; added literals are joined. A reader of our own sources, not a parser:
 * knows comments, quotes, templates and regular expressions, and nothing else of the language.
 */

/** Characters before a regular expression, and not before a division. */
const BEFORE_REGEXP = new Set([...'(,=:[!&|?{};\n'])

/** The texts of all literals; substitutions of a template become `…`. */
export function stringLiteralsOf(source: string): string[] {
  const literals: string[] = []
  let pos = 0
  let before = '\n'
  let isSum = false
  while (pos < source.length) {
    const char = source[pos]!
    if (source.startsWith('//', pos) || source.startsWith('/*', pos)) {
      pos = afterComment(source, pos)
      continue
    }
    if (char === "'" || char === '"' || char === '`') {
      const [text, end] = readLiteral(source, pos)
      if (isSum && literals.length > 0) literals.push(literals.pop() + text)
      else literals.push(text)
      pos = end
      before = char
      isSum = /^\s*\+/.test(source.slice(pos, pos + 200))
      if (isSum) pos = source.indexOf('+', pos) + 1
      continue
    }
    if (char === '/' && BEFORE_REGEXP.has(before)) pos = afterRegExp(source, pos)
    else pos++
    if (!/\s/.test(char) || char === '\n') {
      if (char !== '\n') isSum = false
      before = char === '\n' && before !== '\n' ? before : char
    }
  }
  return literals
}

function readLiteral(source: string, start: number): [text: string, end: number] {
  const quote = source[start]!
  let text = ''
  let pos = start + 1
  while (pos < source.length && source[pos] !== quote) {
    if (source[pos] === '\\') {
      // a line that goes on has no break in it
      if (source[pos + 1] !== '\n') text += source[pos + 1]
      pos += 2
    } else if (quote === '`' && source.startsWith('${', pos)) {
      text += '…'
      pos = afterSubstitution(source, pos + 2)
    } else {
      text += source[pos++]
    }
  }
  return [text, pos + 1]
}

/** Behind the brace that closes a `${`. */
function afterSubstitution(source: string, start: number): number {
  let depth = 1
  let pos = start
  while (depth > 0 && pos < source.length) {
    const char = source[pos]!
    if (char === "'" || char === '"' || char === '`') {
      pos = readLiteral(source, pos)[1]
      continue
    }
    if (char === '{') depth++
    if (char === '}') depth--
    pos++
  }
  return pos
}

function afterComment(source: string, start: number): number {
  const isLine = source[start + 1] === '/'
  const end = source.indexOf(isLine ? '\n' : '*/', start + 2)
  return end === -1 ? source.length : end + (isLine ? 0 : 2)
}

function afterRegExp(source: string, start: number): number {
  let inClass = false
  let pos = start + 1
  for (; pos < source.length && (inClass || source[pos] !== '/'); pos++) {
    if (source[pos] === '\\') pos++
    else if (source[pos] === '[') inClass = true
    else if (source[pos] === ']') inClass = false
  }
  return pos + 1
}
