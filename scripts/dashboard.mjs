/**
 * Bundles the dashboard into the folders where lib/admin looks for it, in both formats.
 * Knows the bundler and the names of the files; the compiler has checked the types before.
 */
import { copyFileSync, cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import { root } from './entry-points.mjs'

const COPIED = ['index.html', 'icon.svg']

export function bundleDashboard() {
  const source = join(root, 'dashboard')
  const target = join(root, 'dist/lib/admin/page')
  buildSync({
    entryPoints: { dashboard: join(source, 'main.tsx') },
    outdir: target,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'inline',
    logLevel: 'warning',
  })
  mkdirSync(target, { recursive: true })
  for (const file of COPIED) copyFileSync(join(source, file), join(target, file))
  cpSync(target, join(root, 'dist/cjs/lib/admin/page'), { recursive: true })
}
