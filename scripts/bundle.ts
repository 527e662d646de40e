/**
 * Turns the sources into CommonJS files that share what they have in common and load late what they import late.
 *
 * The bundler splits only ES modules; they are translated one by one afterwards. Split ES modules start a client in 44 ms
 * instead of 39, and one CommonJS file for each program starts the daemon in 37 ms instead of 30, because code that may
 * never run is read too (Node 24, compile cache on, 23 ms of it `node -e 0`).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, transform, version as bundlerVersion, type Metafile } from 'esbuild';
import { RECIPE, type Entry } from './entries.ts';

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

interface SplitSources {
  readonly files: readonly ModuleFile[];
  readonly metafile: Metafile;
}

/** Everything is translated for it, so that the version guard can speak on any Node somebody may still have. */
const OLDEST_PARSER = 'node18';
/** Native modules: they stay packages of their own. */
const EXTERNALS = ['better-sqlite3', '@napi-rs/keyring'];
const DIST = '__mDist';

/** Identifies what a build of these sources at this version contains: 16 hex digits, the same in every directory and at any time. */
export async function contentId(root: string, entries: readonly Entry[], version: string): Promise<string> {
  const { files } = await splitSources(root, entries, { id: '', version, builtAt: 0 });
  const hash = createHash('sha256').update(bundlerVersion);
  for (const name of RECIPE) hash.update(`\0${name}\0`).update(readFileSync(join(root, name)));
  for (const file of files) hash.update(`\0${file.name}\0`).update(file.text);
  return hash.digest('hex').slice(0, 16);
}

/**
 * Bundles all entries.
 * @returns the CommonJS files, one `<entry>.cjs` for each entry among them, and which sources went where.
 */
export async function bundle(
  root: string,
  entries: readonly Entry[],
  constants: BuildConstants,
): Promise<SplitSources> {
  const { files, metafile } = await splitSources(root, entries, constants);
  return { files: await Promise.all(files.map(toCommonJs)), metafile };
}

async function splitSources(root: string, entries: readonly Entry[], constants: BuildConstants): Promise<SplitSources> {
  const out = join(root, 'dist');
  const result = await build({
    absWorkingDir: root,
    entryPoints: {
      ...Object.fromEntries(entries.map((entry) => [entry.name, entry.source])),
      'code-cache': 'scripts/code-cache.ts',
    },
    outdir: out,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: 'esm',
    outExtension: { '.js': '.cjs' },
    chunkNames: 'shared-[hash]',
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
  });
  const files = result.outputFiles.map((file) => ({ name: file.path.slice(out.length + 1), text: file.text }));
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { files, metafile: result.metafile };
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
