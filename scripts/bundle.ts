/**
 * Turns the sources into CommonJS files.
 *
 * A command is one file: it runs for an instant and every further file costs it part of a millisecond (`mctl sessions
 * list`: 49 ms instead of 56, of which 22 are `node -e 0`; Node 24, compile cache on). What the daemon and its threads run
 * is split into files that share what they have in common and are loaded late where they are imported late: one file for
 * each starts the daemon in 37 ms instead of 30, because code that may never run is read too. The bundler splits only ES
 * modules; they are translated one by one afterwards.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import {
  build,
  transform,
  version as bundlerVersion,
  type BuildOptions,
  type Metafile,
  type OutputFile,
  type Plugin,
} from 'esbuild';
import { RECIPE, type Entry } from './entries.ts';
import { gitLibrary } from './git-library.ts';

/** What the sources read as `__M_BUILD__`, `__M_VERSION__` and `__M_BUILT_AT__`. */
export interface BuildConstants {
  readonly id: string;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly builtAt: number;
}

export interface ModuleFile {
  readonly name: string;
  readonly text: string;
}

interface Bundled {
  readonly files: readonly ModuleFile[];
  readonly metafile: Metafile;
}

/** Everything is translated for it, so that the version guard can speak on any Node somebody may still have. */
const OLDEST_PARSER = 'node18';
/** Native modules: they stay packages of their own. */
const EXTERNALS = ['better-sqlite3', '@napi-rs/keyring', '@parcel/watcher'];
const DIST = '__mDist';

/** Identifies what a build of these sources at this version contains: 16 hex digits, the same in every directory and at any time. */
export async function contentId(root: string, entries: readonly Entry[], version: string): Promise<string> {
  const { files } = await bundleSources(root, entries, { id: '', version, builtAt: 0 });
  const hash = createHash('sha256').update(bundlerVersion);
  for (const name of RECIPE) hash.update(`\0${name}\0`).update(readFileSync(join(root, name)));
  for (const file of files) hash.update(`\0${file.name}\0`).update(file.text);
  return hash.digest('hex').slice(0, 16);
}

/**
 * Bundles all entries.
 * @returns the CommonJS files, one `<entry>.cjs` for each entry among them, and which sources went where.
 */
export async function bundle(root: string, entries: readonly Entry[], constants: BuildConstants): Promise<Bundled> {
  const { files, metafile } = await bundleSources(root, entries, constants);
  return { files: await Promise.all(files.map(toCommonJs)), metafile };
}

async function bundleSources(root: string, entries: readonly Entry[], constants: BuildConstants): Promise<Bundled> {
  const common = commonOptions(root, constants);
  const inputsOf = (some: readonly Entry[]) => Object.fromEntries(some.map((entry) => [entry.name, entry.source]));
  const commands = await build({
    ...common,
    entryPoints: inputsOf(entries.filter((entry) => entry.command)),
    format: 'cjs',
  });
  const background = await build({
    ...common,
    entryPoints: { ...inputsOf(entries.filter((entry) => !entry.command)), 'code-cache': 'scripts/code-cache.ts' },
    splitting: true,
    plugins: [ownSchemas(root), gitLibrary(root)],
    format: 'esm',
    chunkNames: 'shared-[hash]',
  });
  const out = join(root, 'dist');
  const files = [...commands.outputFiles, ...background.outputFiles].map((file) => moduleFile(file, out));
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { files, metafile: joined(commands.metafile, background.metafile) };
}

function commonOptions(root: string, constants: BuildConstants) {
  return {
    absWorkingDir: root,
    outdir: join(root, 'dist'),
    write: false,
    metafile: true,
    bundle: true,
    outExtension: { '.js': '.cjs' },
    platform: 'node',
    target: OLDEST_PARSER,
    // CommonJS has no top-level await; refused here, the message names the source line.
    supported: { 'top-level-await': false },
    external: EXTERNALS,
    // A linked node_modules must not change the names in the output, nor with them the id.
    preserveSymlinks: true,
    // The notices are in THIRD-PARTY-LICENSES.txt.
    legalComments: 'none',
    logLevel: 'warning',
    define: {
      __M_BUILD__: JSON.stringify(constants.id),
      __M_VERSION__: JSON.stringify(constants.version),
      __M_BUILT_AT__: String(constants.builtAt),
      'import.meta.dirname': DIST,
    },
  } satisfies BuildOptions;
}

const THEIRS = 'theirs';

/**
 * The model libraries use all of the schema library, we a small part of it. In one copy the daemon would load everything at
 * its start, 530 KB, for the sake of libraries that may never be loaded; so they get a copy of their own.
 */
function ownSchemas(root: string): Plugin {
  return {
    name: 'own-schemas',
    setup(bundler) {
      bundler.onResolve(
        { filter: /^(zod(\/|$)|\.)/ },
        async ({ path, importer, namespace, resolveDir, kind, pluginData }) => {
          const isTheirs = namespace === THEIRS || (!path.startsWith('.') && importer.includes('/@ai-sdk/'));
          if (!isTheirs || pluginData === THEIRS) return undefined;
          const found = await bundler.resolve(path, { resolveDir, kind, pluginData: THEIRS });
          // By a name without directories of this machine: names take part in the id of the build.
          const { errors, sideEffects } = found;
          return { path: relative(root, found.path), namespace: THEIRS, errors, sideEffects };
        },
      );
      bundler.onLoad({ filter: /.*/, namespace: THEIRS }, ({ path }) => ({
        contents: readFileSync(join(root, path), 'utf8'),
        resolveDir: dirname(join(root, path)),
      }));
    },
  };
}

function moduleFile(file: OutputFile, directory: string): ModuleFile {
  return { name: file.path.slice(directory.length + 1), text: file.text };
}

function joined(one: Metafile, other: Metafile): Metafile {
  return { inputs: { ...one.inputs, ...other.inputs }, outputs: { ...one.outputs, ...other.outputs } };
}

async function toCommonJs(file: ModuleFile): Promise<ModuleFile> {
  const result = await transform(file.text, {
    sourcefile: file.name,
    format: 'cjs',
    platform: 'node',
    target: OLDEST_PARSER,
    supported: { 'dynamic-import': false },
    // Less to read at the start; lines stay short enough for a stack trace to mean something.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 160,
    legalComments: 'none',
    logLevel: 'warning',
    logOverride: { 'empty-import-meta': 'error' },
    ...(file.text.includes(DIST) && { banner: `const ${DIST}=require("node:path").dirname(__dirname);` }),
  });
  return { name: file.name, text: result.code };
}
