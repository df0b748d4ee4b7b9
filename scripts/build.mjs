/**
 * Compiles everything into an empty dist/, and the entry points of package.json a second time, to CommonJS in
 * dist/cjs/. Bundles the dashboard, makes the command executable. Knows the compiler, and nothing of the sources.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { bundleDashboard } from './dashboard.mjs'
import { completeEntryPoints, root } from './package/entry-points.mjs'

const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
const dist = join(root, 'dist')
const command = join(dist, 'lib/cli/main.js')
/** A copy of the sources in a folder that says "commonjs": the nearest package.json decides what is compiled to. */
const staged = join(dist, 'cjs-sources')

/** The URL of a module in CommonJS. */
const OWN_URL = "require('node:url').pathToFileURL(__filename).href"

rmSync(dist, { recursive: true, force: true })
const sources = completeEntryPoints()
const isCompiled = compile(root) && compileToCommonJs() && compile(join(root, 'dashboard'))
if (isCompiled) bundleDashboard()
if (isCompiled) simplifyDeclarations()
if (isCompiled && existsSync(command)) chmodSync(command, 0o755)
process.exitCode = isCompiled ? 0 : 1

function compile(project) {
  const { status } = spawnSync(process.execPath, [join(typescript, 'bin/tsc'), '--project', project], {
    cwd: root,
    stdio: 'inherit',
  })
  return status === 0
}

function compileToCommonJs() {
  // Only what these import is compiled: not the command, which is a module.
  for (const folder of ['lib', 'types']) cpSync(join(root, folder), join(staged, folder), { recursive: true })
  replaceOwnUrls(join(staged, 'lib'))
  const type = { type: 'commonjs', sideEffects: false }
  // `import()` becomes `require()`: test runners that run CommonJS in their own context (Jest) refuse the former
  const modules = {
    module: 'commonjs',
    moduleResolution: 'bundler',
    esModuleInterop: true,
    verbatimModuleSyntax: false,
  }
  const compilerOptions = { ...modules, rootDir: '.', outDir: '../cjs', sourceMap: false }
  writeJson(join(staged, 'package.json'), type)
  writeJson(join(staged, 'tsconfig.json'), {
    extends: '../../tsconfig.json',
    compilerOptions,
    files: sources,
    include: [],
  })
  const isDone = compile(staged)
  rmSync(staged, { recursive: true })
  if (isDone) {
    writeJson(join(dist, 'cjs/package.json'), type)
    for (const source of sources) replaceExports(join(dist, 'cjs', source.replace(/\.ts$/, '.js')))
  }
  return isDone
}

/** The export "module.exports" of a module is the result of `require`, as Node.js does it. */
function replaceExports(file) {
  const text = readFileSync(file, 'utf8')
  if (/^exports\[.module\.exports.\] = /m.test(text)) {
    writeFileSync(file, `${text}\nmodule.exports = exports["module.exports"];\n`)
  }
}

/** Compilers before TypeScript 5.6 do not know a name in quotes, and end with a syntax error. The code keeps it. */
function simplifyDeclarations() {
  for (const source of sources) {
    for (const folder of ['.', 'cjs']) {
      const file = join(dist, folder, source.replace(/\.ts$/, '.d.ts'))
      const text = readFileSync(file, 'utf8')
      if (text.includes(" as 'module.exports'")) writeFileSync(file, text.replace(/, \w+ as 'module\.exports'/, ''))
    }
  }
}

/** `import.meta` does not exist in CommonJS. */
function replaceOwnUrls(folder) {
  for (const file of readdirSync(folder, { recursive: true }).filter(name => name.endsWith('.ts'))) {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    if (text.includes('import.meta.url')) writeFileSync(path, text.replaceAll('import.meta.url', OWN_URL))
  }
}

function writeJson(file, content) {
  writeFileSync(file, `${JSON.stringify(content, undefined, 2)}\n`)
}
