/**
 * The tool chains in which the packed package is tried: where each comes from, and what is run. The table of
 * docs/embed/tool-chains.md has the same rows; the tests compare and run them.
 */
import { arch, platform } from 'node:process'

/** One row: a tool of one version, in one way of using it. */
export interface ToolChain {
  tool: string
  version: string
  /** The text of the table. */
  what: string
  /**
   * Commands, run one after the other in a folder with {@link exchangeFiles}. `node` is the one that runs the tests.
   */
  commands: readonly (readonly [program: string, ...args: string[]])[]
}

const processor = arch === 'arm64' ? 'aarch64' : 'x64'
const node = 'node'

/** Folder below node_modules -> what npm installs there. Programs are packages for this platform. */
export const TOOLS = {
  'node-20': `npm:node-${platform}-${arch}@20.19.0`,
  'node-22': `npm:node-${platform}-${arch}@22.23.3`,
  'node-24': `npm:node-${platform}-${arch}@24.21.0`,
  bun: `npm:@oven/bun-${platform}-${processor}@1.4.5`,
  deno: `npm:@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}@2.9.6`,
  jest: '30.5.2',
  vitest: '5.1.2',
  esbuild: '0.28.2',
  rolldown: '1.3.2',
  'typescript-old': 'npm:typescript@5.7.3',
  'typescript-new': 'npm:typescript@7.0.2',
  '@types/node': '22',
} as const

/** The version of a tool, from {@link TOOLS}. */
function versionOf(tool: keyof typeof TOOLS): string {
  return TOOLS[tool].slice(TOOLS[tool].lastIndexOf('@') + 1)
}

function path(tool: keyof typeof TOOLS, file: string): string {
  return `node_modules/${tool}/${file}`
}

function runtime(tool: string, name: 'node-20' | 'node-22' | 'node-24'): ToolChain {
  const program = path(name, 'bin/node')
  return {
    tool,
    version: versionOf(name),
    what: '`import` and `require`',
    commands: [
      [program, 'run.mjs'],
      [program, 'run.cjs'],
    ],
  }
}

function typeScript(
  name: 'typescript-old' | 'typescript-new',
  resolution: 'node10' | 'node16' | 'nodenext' | 'bundler',
): ToolChain {
  const module = { node10: 'commonjs', bundler: 'esnext', node16: 'node16', nodenext: 'nodenext' }[resolution]
  // the types of the NATS packages do not compile with it
  const isOld = resolution === 'node10'
  const files = isOld ? ['--skipLibCheck', 'consumer.cts'] : ['consumer.mts', 'consumer.cts']
  const options = `--noEmit --strict --target es2022 --types node --module ${module} --moduleResolution ${resolution}`
  return {
    tool: 'TypeScript',
    version: versionOf(name),
    what: `\`${resolution}\`, ${isOld ? 'a CommonJS file, with `skipLibCheck`' : 'a module and a CommonJS file, with the declarations of the package'}`,
    commands: [[node, path(name, 'bin/tsc'), ...options.split(' '), ...files]],
  }
}

/** What bundles cannot contain, and what a module needs if it contains CommonJS. */
const BANNER = "import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);"

function esbuild(format: 'esm' | 'cjs', external: readonly string[]): ToolChain {
  const output = `esbuild.${format === 'esm' ? 'mjs' : 'cjs'}`
  const excluded = external.map(name => `--external:${name}`)
  const args = ['run.mjs', '--bundle', '--platform=node', `--format=${format}`, `--outfile=${output}`, ...excluded]
  return {
    tool: 'esbuild',
    version: versionOf('esbuild'),
    what: format === 'esm' ? 'one module, with a banner that defines `require`' : 'one CommonJS file',
    commands: [
      [node, path('esbuild', 'bin/esbuild'), ...args, ...(format === 'esm' ? [`--banner:js=${BANNER}`] : [])],
      [node, output],
    ],
  }
}

function rolldown(format: 'esm' | 'cjs', external: readonly string[]): ToolChain {
  const output = `rolldown.${format === 'esm' ? 'mjs' : 'cjs'}`
  const excluded = external.flatMap(name => ['--external', name])
  return {
    tool: 'Rolldown',
    version: versionOf('rolldown'),
    what: format === 'esm' ? 'one module' : 'one CommonJS file',
    commands: [
      [node, path('rolldown', 'bin/cli.mjs'), 'run.mjs', '--platform=node', '-f', format, '-o', output, ...excluded],
      [node, output],
    ],
  }
}

/**
 * All rows, in the order of the table.
 *
 * @param external packages that bundles leave out: the optional ones
 */
export function toolChains(external: readonly string[]): ToolChain[] {
  const jest = path('jest', 'bin/jest.js')
  const both = '`import` and `require`'
  const deno: [string, ...string[]] = [path('deno', 'deno'), 'run', '--allow-all', '--node-modules-dir=manual']
  return [
    runtime('Node.js', 'node-20'),
    runtime('Node.js', 'node-22'),
    runtime('Node.js', 'node-24'),
    {
      tool: 'Bun',
      version: versionOf('bun'),
      what: both,
      commands: ['run.mjs', 'run.cjs'].map(file => [path('bun', 'bin/bun'), file] as const),
    },
    {
      tool: 'Deno',
      version: versionOf('deno'),
      what: `${both}, from \`node_modules\``,
      commands: ['run.mjs', 'run.cjs'].map(file => [...deno, file] as const),
    },
    {
      tool: 'Jest',
      version: versionOf('jest'),
      what: 'CommonJS tests',
      commands: [[node, jest, '--rootDir=jest-cjs']],
    },
    {
      tool: 'Jest',
      version: versionOf('jest'),
      what: 'modules as tests, with `--experimental-vm-modules`',
      commands: [[node, '--experimental-vm-modules', jest, '--rootDir=jest-esm', '--testMatch=**/*.test.mjs']],
    },
    {
      tool: 'Vitest',
      version: versionOf('vitest'),
      what: 'on Node.js 22',
      commands: [[path('node-22', 'bin/node'), path('vitest', 'vitest.mjs'), 'run', '--root', 'vitest']],
    },
    typeScript('typescript-old', 'node10'),
    ...(['typescript-old', 'typescript-new'] as const).flatMap(name =>
      (['node16', 'nodenext', 'bundler'] as const).map(resolution => typeScript(name, resolution)),
    ),
    ...(['esm', 'cjs'] as const).map(format => esbuild(format, external)),
    ...(['esm', 'cjs'] as const).map(format => rolldown(format, external)),
  ]
}
