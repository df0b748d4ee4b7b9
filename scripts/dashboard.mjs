/**
 * Bundles the dashboard into the module that lib/admin imports, in both formats. Knows the bundler and the names of the
 * files; the types were checked by the compiler before.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildSync, transformSync } from 'esbuild'
import { root } from './package/entry-points.mjs'

/** The module that lib/admin/page/files.d.ts declares. */
const MODULE = 'lib/admin/page/files.js'

const COPIED = ['index.html', 'icon.svg']

export function bundleDashboard() {
  const source = join(root, 'dashboard')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const { outputFiles } = buildSync({
    entryPoints: { dashboard: join(source, 'main.tsx') },
    outdir: source,
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { ANAX_VERSION: JSON.stringify(version) },
    legalComments: 'inline',
    logLevel: 'warning',
  })
  const bundled = outputFiles.map(({ path, text }) => [path.slice(source.length + 1), text])
  const copied = COPIED.map(name => [name, readFileSync(join(source, name), 'utf8')])
  const files = Object.fromEntries([...copied, ...bundled])
  const code = `export const PAGE_FILES = ${JSON.stringify(files, undefined, 2)}\n`
  write(join(root, 'dist', MODULE), code)
  write(join(root, 'dist/cjs', MODULE), transformSync(code, { format: 'cjs' }).code)
}

function write(file, content) {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}
