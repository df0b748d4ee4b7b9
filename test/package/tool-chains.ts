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
  rollup: '4.68.8',
  '@rollup/plugin-commonjs': '29.0.3',
  '@rollup/plugin-json': '6.1.0',
  '@rollup/plugin-node-resolve': '16.0.3',
  webpack: '5.113.0',
  'webpack-cli': '7.3.1',
  vite: '8.4.0',
  '@vercel/ncc': '0.45.0',
  'typescript-oldest': 'npm:typescript@5.2.2',
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
  name: 'typescript-oldest' | 'typescript-old' | 'typescript-new',
  resolution: 'node10' | 'node16' | 'nodenext' | 'bundler',
): ToolChain {
  const module = { node10: 'commonjs', bundler: 'esnext', node16: 'node16', nodenext: 'nodenext' }[resolution]
  // the types of the NATS packages compile with neither node10 nor TypeScript below 5.7
  const isOldest = name === 'typescript-oldest'
  const isOld = resolution === 'node10'
  const modules = isOldest ? ['core.mts', 'core.cts'] : ['consumer.mts', 'consumer.cts']
  const files = isOld ? ['--skipLibCheck', 'consumer.cts'] : modules
  const options = `--noEmit --strict --target es2022 --types node --module ${module} --moduleResolution ${resolution}`
  return {
    tool: 'TypeScript',
    version: versionOf(name),
    what: `\`${resolution}\`, ${isOld ? 'a CommonJS file, with `skipLibCheck`' : 'a module and a CommonJS file, with the declarations of the package'}${isOldest ? '; without `anax/nats`' : ''}`,
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
    what:
      format === 'esm' ? 'one module, minified, with a banner that defines `require`' : 'one CommonJS file, minified',
    commands: [
      [
        node,
        path('esbuild', 'bin/esbuild'),
        ...args,
        '--minify',
        ...(format === 'esm' ? [`--banner:js=${BANNER}`] : []),
      ],
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

function rollup(external: readonly string[]): ToolChain {
  const plugins = ['node-resolve', 'commonjs', 'json'].flatMap(name => ['--plugin', `@rollup/plugin-${name}`])
  const output = ['--format', 'es', '--dir', 'rollup', '--entryFileNames', '[name].mjs']
  const excluded = ['--external', external.join()]
  return {
    tool: 'Rollup',
    version: versionOf('rollup'),
    what: 'modules, with the plugins `node-resolve`, `commonjs` and `json`',
    commands: [
      [node, path('rollup', 'dist/bin/rollup'), 'run.mjs', ...plugins, ...output, ...excluded],
      [node, 'rollup/run.mjs'],
    ],
  }
}

function webpack(external: readonly string[]): ToolChain {
  const output = ['--output-path', 'webpack', '--output-filename', 'run.cjs']
  const excluded = ['--externals-type', 'node-commonjs', ...external.flatMap(name => ['--externals', name])]
  const args = ['--mode', 'production', '--target', 'node', '--entry', './run.mjs', ...output, ...excluded]
  return {
    tool: 'webpack',
    version: versionOf('webpack'),
    what: 'CommonJS, `target: node`, `externalsType: node-commonjs`, minified',
    commands: [
      [node, path('webpack', 'bin/webpack.js'), ...args],
      [node, 'webpack/run.cjs'],
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
    ...(['node16', 'nodenext', 'bundler'] as const).map(resolution => typeScript('typescript-oldest', resolution)),
    typeScript('typescript-old', 'node10'),
    ...(['typescript-old', 'typescript-new'] as const).flatMap(name =>
      (['node16', 'nodenext', 'bundler'] as const).map(resolution => typeScript(name, resolution)),
    ),
    ...(['esm', 'cjs'] as const).map(format => esbuild(format, external)),
    ...(['esm', 'cjs'] as const).map(format => rolldown(format, external)),
    rollup(external),
    webpack(external),
    {
      tool: 'ncc',
      version: versionOf('@vercel/ncc'),
      what: 'modules, with the optional packages inside',
      commands: [
        [node, path('@vercel/ncc', 'dist/ncc/cli.js'), 'build', 'run.mjs', '--out', 'ncc'],
        [node, 'ncc/index.mjs'],
      ],
    },
    {
      tool: 'Vite',
      version: versionOf('vite'),
      what: '`build --ssr`, which leaves packages outside',
      commands: [
        [node, path('vite', 'bin/vite.js'), 'build', '--ssr', 'run.mjs', '--outDir', 'vite'],
        [node, 'vite/run.mjs'],
      ],
    },
  ]
}
